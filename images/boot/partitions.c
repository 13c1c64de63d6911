/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partitions.h"

#include "bytes.h"

#define DISK_SIGNATURE    0x1B8u
#define ENTRIES           0x1BEu
#define ENTRY_SIZE        16u
#define ENTRY_COUNT       4u
#define ENTRY_TYPE        4u
#define ENTRY_FIRST       8u
#define TYPE_EXTENDED     0x05
#define TYPE_EXTENDED_LBA 0x0F
#define LOGICAL_MAX       32u /* logical partitions that are looked at */

static bool read_table(uint8_t disk, uint32_t sector, uint8_t *table)
{
	return disk_read(disk, sector, 1, table) && load16(table + 510) == 0xAA55;
}

static bool is_extended(const uint8_t *entry)
{
	return entry[ENTRY_TYPE] == TYPE_EXTENDED || entry[ENTRY_TYPE] == TYPE_EXTENDED_LBA;
}

/*
 * The first sector of a logical partition by its index; 0: there is none.  In an extended boot
 * record the partition counts from the record itself, the next record from the first of all.
 */
static uint32_t logical_partition(uint8_t disk, uint32_t extended, unsigned index)
{
	uint8_t table[SECTOR_SIZE];
	uint32_t record = extended;

	for (;; index--) {
		const uint8_t *own = table + ENTRIES, *next = own + ENTRY_SIZE;

		if (!read_table(disk, record, table) || own[ENTRY_TYPE] == 0)
			return 0;
		if (index == 0)
			return record + load32(own + ENTRY_FIRST);
		if (!is_extended(next))
			return 0;
		record = extended + load32(next + ENTRY_FIRST);
	}
}

static unsigned logical_at(uint8_t disk, uint32_t extended, uint32_t first_sector)
{
	for (unsigned index = 0; index < LOGICAL_MAX; index++)
		if (logical_partition(disk, extended, index) == first_sector)
			return ENTRY_COUNT + 1 + index;
	return 0;
}

unsigned partition_at(uint8_t disk, uint32_t first_sector)
{
	uint8_t table[SECTOR_SIZE];
	unsigned found = 0;

	if (!read_table(disk, 0, table))
		return 0;
	for (unsigned i = 0; i < ENTRY_COUNT && found == 0; i++) {
		const uint8_t *entry = table + ENTRIES + i * ENTRY_SIZE;
		uint32_t first = load32(entry + ENTRY_FIRST);

		if (is_extended(entry))
			found = logical_at(disk, first, first_sector);
		else if (entry[ENTRY_TYPE] != 0 && first == first_sector)
			found = i + 1;
	}
	return found;
}

uint32_t partition_of_arc_number(uint8_t disk, uint32_t number)
{
	uint8_t table[SECTOR_SIZE];
	uint32_t extended = 0;

	if (number == 0 || !read_table(disk, 0, table))
		return 0;
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		const uint8_t *entry = table + ENTRIES + i * ENTRY_SIZE;

		if (is_extended(entry))
			extended = load32(entry + ENTRY_FIRST);
		else if (entry[ENTRY_TYPE] != 0 && --number == 0)
			return load32(entry + ENTRY_FIRST);
	}
	return extended != 0 && number <= LOGICAL_MAX
		       ? logical_partition(disk, extended, number - 1)
		       : 0;
}

uint8_t disk_with_signature(uint32_t signature)
{
	uint8_t table[SECTOR_SIZE];

	for (uint8_t disk = FIRST_DISK; disk < FIRST_DISK + DISKS; disk++)
		if (read_table(disk, 0, table) && load32(table + DISK_SIGNATURE) == signature)
			return disk;
	return 0;
}
