/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partition table: MBR with logical partitions by hand, GPT by sfdisk.
 *
 * A logical partition lies in an extended one of its own size and 1 MiB more, where its extended
 * boot record is, as Windows aligns them.
 */
#include "table.h"

#include <string.h>

#include "boot-code.h"

#define ENTRIES           0x1BEu
#define ENTRY_SIZE        16u
#define DISK_SIGNATURE    0x1B8u
#define TYPE_EXTENDED_LBA 0x0Fu
#define EXTENDED_GAP      (1u << 20) /* from an extended boot record to its partition */
#define PRIMARIES_MAX     4u

/* A CHS address with 255 heads and 63 sectors; beyond cylinder 1023 the highest there is. */
static void put_chs(uint8_t *at, uint64_t lba)
{
	uint64_t cylinder = lba / (255 * 63);
	uint64_t head = lba / 63 % 255, sector = lba % 63 + 1;

	if (cylinder > 1023) {
		cylinder = 1023;
		head = 254;
		sector = 63;
	}
	at[0] = (uint8_t)head;
	at[1] = (uint8_t)(sector | (cylinder >> 8 & 3) << 6);
	at[2] = (uint8_t)cylinder;
}

/* One of the four entries; `base` is what its start counts from.  All in bytes. */
static void put_entry(uint8_t *sector, unsigned index, bool active, uint64_t type, uint64_t start,
		      uint64_t size, uint64_t base)
{
	uint8_t *entry = sector + ENTRIES + index * ENTRY_SIZE;

	entry[0] = active ? 0x80 : 0;
	put_chs(entry + 1, start / SECTOR_SIZE);
	entry[4] = (uint8_t)type;
	put_chs(entry + 5, (start + size) / SECTOR_SIZE - 1);
	store_le32(entry + 8, (uint32_t)((start - base) / SECTOR_SIZE));
	store_le32(entry + 12, (uint32_t)(size / SECTOR_SIZE));
	sector[510] = 0x55;
	sector[511] = 0xAA;
}

static void write_logical(const struct partition *partition, int fd)
{
	uint64_t base = partition->start - EXTENDED_GAP;
	uint8_t sector[SECTOR_SIZE] = {0};

	put_entry(sector, 0, partition->active, partition->type, partition->start, partition->size,
		  base);
	write_at(fd, sector, sizeof sector, base);
}

static void write_mbr(const struct recipe *recipe, int fd)
{
	uint8_t sector[SECTOR_SIZE] = {0};
	const struct partition *partition;
	unsigned index = 0;
	size_t length;
	const uint8_t *code = boot_code(BOOT_CODE_MBR, &length);

	if (recipe->boot_code)
		memcpy(sector, code, length);
	store_le32(sector + DISK_SIGNATURE, (uint32_t)recipe->signature);
	sector[510] = 0x55;
	sector[511] = 0xAA;
	STAILQ_FOREACH(partition, &recipe->partitions, next)
	{
		if (index == PRIMARIES_MAX)
			die_at(partition->where, "a partition table has four entries");
		if (partition->logical) {
			put_entry(sector, index++, false, TYPE_EXTENDED_LBA,
				  partition->start - EXTENDED_GAP, partition->size + EXTENDED_GAP,
				  0);
			write_logical(partition, fd);
		} else {
			put_entry(sector, index++, partition->active, partition->type,
				  partition->start, partition->size, 0);
		}
	}
	write_at(fd, sector, sizeof sector, 0);
}

/* A UUID of the disk (0) or of a partition, from what the recipe says. */
static char *uuid(const struct recipe *recipe, unsigned index)
{
	return format_text("%08X-0000-4000-8000-%012X", (unsigned)recipe->signature, index);
}

static void write_gpt(const struct recipe *recipe, const char *path)
{
	char *const arguments[] = {(char[]){"sfdisk"},
				   (char[]){"--quiet"},
				   (char[]){"--wipe=never"},
				   (char[]){"--wipe-partitions=never"},
				   (char[]){"--no-reread"},
				   (char[]){"--no-tell-kernel"},
				   (char *)path,
				   NULL};
	const struct partition *partition;
	char *script = format_text("label: gpt\nlabel-id: %s\n", uuid(recipe, 0));
	unsigned index = 0;

	STAILQ_FOREACH(partition, &recipe->partitions, next)
	{
		script = format_text("%sstart=%llu, size=%llu, uuid=%s, "
				     "type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n",
				     script, (unsigned long long)(partition->start / SECTOR_SIZE),
				     (unsigned long long)(partition->size / SECTOR_SIZE),
				     uuid(recipe, ++index));
	}
	run(arguments, script);
}

static void check_partition(const struct recipe *recipe, const struct partition *partition)
{
	const struct partition *other;

	if (partition->start % SECTOR_SIZE || partition->size % SECTOR_SIZE || partition->size == 0)
		die_at(partition->where, "a partition has whole sectors, and at least one");
	if (partition->start > recipe->size || partition->size > recipe->size - partition->start)
		die_at(partition->where, "%s does not lie within the disk", partition->name);
	if (partition->logical && partition->start < 2 * EXTENDED_GAP)
		die_at(partition->where, "a logical partition needs 1 MiB before it");
	STAILQ_FOREACH(other, &recipe->partitions, next)
	{
		if (other != partition && other->start < partition->start + partition->size &&
		    partition->start < other->start + other->size)
			die_at(partition->where, "%s and %s overlap", partition->name, other->name);
	}
}

void table_write(const struct recipe *recipe, int fd, const char *path)
{
	const struct partition *partition;

	STAILQ_FOREACH(partition, &recipe->partitions, next)
	check_partition(recipe, partition);
	if (recipe->gpt)
		write_gpt(recipe, path);
	else
		write_mbr(recipe, fd);
}
