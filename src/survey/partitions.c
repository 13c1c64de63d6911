/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the partition table, and the content of each partition. */
#include <stdio.h>
#include <string.h>

#include "survey/reader.h"
#include "util/bytes.h"

/* More than enough: Windows has letters for two dozen partitions. */
#define EXTENDED_RECORDS_MAX 256

#define LARGE_SECTOR_SIZE 4096u /* bytes; disks have sectors of 512 or 4096 bytes */

/* ---- the table ----------------------------------------------------------------------------- */

static enum vbr_kind partition_record_kind(const uint8_t *record)
{
	struct vbr parsed;

	vbr_parse(record, &parsed);
	return parsed.kind;
}

/* The kind of a disk whose first VBR_SIZE bytes are not a master boot record. */
static enum fact_table table_kind_without_mbr(const uint8_t *start)
{
	static const uint8_t luks[] = {'L', 'U', 'K', 'S', 0xBA, 0xBE};

	if (memcmp(start, luks, sizeof(luks)) == 0)
		return TABLE_LUKS;
	if (partition_record_kind(start) != VBR_NOT_NTFS)
		return TABLE_ONE_VOLUME;
	if (memcmp(start + SECTOR_SIZE, "EFI PART", 8) == 0)
		return TABLE_GPT_ONLY;
	return all_zero(start, VBR_SIZE) ? TABLE_ZEROS : TABLE_NONE;
}

/*
 * Whether the table counts in sectors of 4096 bytes: an NTFS volume with such sectors is at the
 * place counted in 4096 bytes, and no NTFS volume is at the place counted in 512 bytes.
 */
static int table_has_large_sectors(const struct reader *reader, const struct mbr *table,
				   bool *large, struct bs_error *err)
{
	uint8_t record[VBR_SIZE];
	struct vbr parsed;

	*large = false;
	for (uint32_t i = 0; i < MBR_ENTRIES && !*large; i++) {
		uint64_t first = table->entries[i].first_lba;

		if (table->entries[i].type == MBR_TYPE_EMPTY || first == 0 ||
		    !range_within(first * LARGE_SECTOR_SIZE, VBR_SIZE, reader->facts->disk_size))
			continue;
		if (disk_read(reader->engine->disk, first * SECTOR_SIZE, record, sizeof(record),
			      err) < 0)
			return -1;
		if (partition_record_kind(record) != VBR_NOT_NTFS)
			return 0;
		if (disk_read(reader->engine->disk, first * LARGE_SECTOR_SIZE, record,
			      sizeof(record), err) < 0)
			return -1;
		vbr_parse(record, &parsed);
		*large = parsed.bytes_per_sector == LARGE_SECTOR_SIZE;
	}
	return 0;
}

/* Adds a partition.  Returns false if there is no room for it. */
static bool table_add(struct facts *facts, uint32_t number, const struct mbr_entry *entry,
		      uint64_t base_lba)
{
	if (facts->partition_count == BS_PARTITIONS_MAX)
		return false;
	facts->partitions[facts->partition_count++].is = facts_partition(number, entry, base_lba);
	return true;
}

/*
 * Follows the chain of extended boot records.  A record has one logical partition, counted from the
 * record, and the next record, counted from the start of the extended partition.  The chain ends
 * if the next record does not lie behind the current one, or after EXTENDED_RECORDS_MAX records.
 */
static int table_add_logical(const struct reader *reader, const struct bs_partition *extended,
			     struct bs_error *err)
{
	uint64_t base = extended->start / SECTOR_SIZE, record = base;
	uint64_t end = (extended->start + extended->size) / SECTOR_SIZE;
	uint32_t number = MBR_ENTRIES + 1;

	for (uint32_t i = 0; i < EXTENDED_RECORDS_MAX; i++) {
		uint8_t sector[SECTOR_SIZE];
		struct mbr table;
		const struct mbr_entry *next = &table.entries[1];

		if (!range_within((record + 1) * SECTOR_SIZE, 0, reader->facts->disk_size))
			break;
		if (disk_read(reader->engine->disk, record * SECTOR_SIZE, sector, sizeof(sector),
			      err) < 0)
			return -1;
		if (!mbr_parse(sector, &table))
			break;
		if (table.entries[0].type != MBR_TYPE_EMPTY && table.entries[0].sectors != 0 &&
		    !table_add(reader->facts, number++, &table.entries[0], record))
			break;
		if (!mbr_is_extended(next->type) || next->first_lba == 0 ||
		    base + next->first_lba <= record || base + next->first_lba >= end)
			break;
		record = base + next->first_lba;
	}
	return 0;
}

/* Fills in the partitions of a master boot record, and the kind of the table. */
static int table_read(const struct reader *reader, const struct mbr *table, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	bool large;

	facts->found_signature = facts->disk_signature = table->disk_signature;
	facts->mbr_code = table->code;
	if (table_has_large_sectors(reader, table, &large, err) < 0)
		return -1;
	if (large) {
		facts->table = TABLE_LARGE_SECTORS;
		return 0;
	}
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *entry = &table->entries[i];

		if (entry->type == MBR_TYPE_PROTECTIVE) {
			facts->table = TABLE_PROTECTIVE;
			return 0;
		}
		facts->flags[i] = entry->flag;
		if (entry->type != MBR_TYPE_EMPTY && entry->sectors != 0)
			(void)table_add(facts, i + 1, entry, 0);
	}
	for (uint32_t i = 0, primary = facts->partition_count; i < primary; i++)
		if (facts->partitions[i].is.filesystem == BS_FS_EXTENDED &&
		    table_add_logical(reader, &facts->partitions[i].is, err) < 0)
			return -1;
	facts->table = facts->partition_count != 0 ? TABLE_GOOD : TABLE_NO_PARTITIONS;
	return 0;
}

/* ---- what partitions hold ------------------------------------------------------------------ */

/* Reads the label, the free room, and the obstacle to a write or, for FAT, to a read. */
static int partition_read_volume(struct reader *reader, int32_t index, struct bs_error *err)
{
	struct fact_partition *partition = &reader->facts->partitions[index];
	struct volume_state state;
	struct volume *volume;

	if (reader_mount(reader, index, &volume, err) < 0 ||
	    volume_state(volume, &state, err) < 0) {
		reader_unmount(reader, index);
		if (!reader_is_content(err->code))
			return -1;
		partition->obstacle = BS_NTFS_DAMAGED;
		snprintf(partition->obstacle_text, sizeof(partition->obstacle_text), "%.150s",
			 err->message);
		return 0;
	}
	snprintf(partition->is.label, sizeof(partition->is.label), "%s", state.label);
	partition->is.usage_known = true;
	partition->is.free = state.free;
	partition->is.cluster_size = state.cluster_size;
	partition->obstacle = state.obstacle;
	snprintf(partition->obstacle_text, sizeof(partition->obstacle_text), "%s",
		 state.obstacle_text);
	return 0;
}

/* libguestfs does not tell whether a FAT volume was unmounted.  The boot record does. */
static int partition_read_fat(struct reader *reader, int32_t index, struct bs_error *err)
{
	struct fact_partition *partition = &reader->facts->partitions[index];

	partition->is.filesystem = BS_FS_FAT;
	if (!reader->engine->reads_fat)
		return 0;
	if (partition_read_volume(reader, index, err) < 0)
		return -1;
	if (partition->obstacle == BS_OK && partition->boot_record.is_dirty) {
		partition->obstacle = BS_UNCLEAN;
		snprintf(partition->obstacle_text, sizeof(partition->obstacle_text),
			 "it is marked as in use");
	}
	return 0;
}

static int partition_read(struct reader *reader, int32_t index, struct bs_error *err)
{
	struct fact_partition *partition = &reader->facts->partitions[index];
	uint8_t record[VBR_SIZE];

	if (partition->is.filesystem == BS_FS_EXTENDED || partition->is.size < VBR_SIZE ||
	    !range_within(partition->is.start, partition->is.size, reader->facts->disk_size))
		return 0;
	if (disk_read(reader->engine->disk, partition->is.start, record, sizeof(record), err) < 0)
		return -1;
	vbr_parse(record, &partition->boot_record);
	if (partition->boot_record.kind == VBR_BITLOCKER) {
		partition->is.filesystem = BS_FS_BITLOCKER;
	} else if (vbr_is_fat(partition->boot_record.kind)) {
		return partition_read_fat(reader, index, err);
	} else if (partition->boot_record.kind != VBR_NOT_NTFS) {
		partition->is.filesystem = BS_FS_NTFS;
		return partition_read_volume(reader, index, err);
	}
	return 0;
}

int partitions_find_boot_files(struct reader *reader, struct bs_error *err)
{
	for (uint32_t i = 0; i < reader->facts->partition_count; i++) {
		struct fact_partition *partition = &reader->facts->partitions[i];
		bool manager;

		if (partition->is.number > MBR_ENTRIES)
			continue;
		if (reader_has_file(reader, (int32_t)i, BOOT_MANAGER, &manager, err) < 0 ||
		    (manager && reader_has_file(reader, (int32_t)i, BOOT_BCD_PATH,
						&partition->is.has_boot_files, err) < 0))
			return -1;
	}
	return 0;
}

int partitions_read(struct reader *reader, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	uint8_t start[VBR_SIZE] = {0};
	struct mbr table;

	if (disk_read(reader->engine->disk, 0, start, min_u64(sizeof(start), facts->disk_size),
		      err) < 0)
		return -1;
	if (partition_record_kind(start) != VBR_NOT_NTFS || !mbr_parse(start, &table)) {
		facts->table = table_kind_without_mbr(start);
		return 0;
	}
	if (table_read(reader, &table, err) < 0)
		return -1;
	if (facts->table != TABLE_GOOD)
		return 0;
	for (uint32_t i = 0; i < facts->partition_count; i++) {
		if (partition_read(reader, (int32_t)i, err) < 0)
			return -1;
		if (!facts->partitions[i].is.active)
			continue;
		facts->active_count++;
		facts->active_index = (int32_t)i;
	}
	facts->system_index = facts_choose_system(facts);
	return facts->system_index < 0 ? partitions_find_boot_files(reader, err) : 0;
}
