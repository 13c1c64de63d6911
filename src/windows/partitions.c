/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The survey's first part: the partition table, and what each partition holds. */
#include <stdio.h>

#include "disk/window.h"
#include "ntfs/volume.h"
#include "util/bytes.h"
#include "windows/survey.h"

/* Windows gives letters to two dozen partitions. */
#define EXTENDED_RECORDS_MAX 256

#define LARGE_SECTOR_SIZE 4096u /* bytes: the other size that disks have */

struct bs_partition *survey_add_partition(struct bs_inspection *report, uint32_t number,
					  const struct mbr_entry *entry, uint64_t base_lba)
{
	struct bs_partition *partition;

	if (report->partition_count == BS_PARTITIONS_MAX)
		return NULL;
	partition = &report->partitions[report->partition_count++];
	*partition = (struct bs_partition){
		.number = number,
		.type = entry->type,
		.active = number <= MBR_ENTRIES && entry->flag == MBR_ACTIVE,
		.start = (base_lba + entry->first_lba) * SECTOR_SIZE,
		.size = (uint64_t)entry->sectors * SECTOR_SIZE,
		.filesystem = mbr_is_extended(entry->type) ? BS_FS_EXTENDED : BS_FS_UNKNOWN,
	};
	return partition;
}

/*
 * Follows the chain of extended boot records: each has one logical partition, counted from the
 * record itself, and the next record, counted from the start of the extended partition.  Each
 * record must lie behind the one before, and a chain of more records than that is not followed.
 */
static int add_logical(struct survey *survey, const struct bs_partition *extended,
		       struct bs_error *err)
{
	uint64_t base = extended->start / SECTOR_SIZE, record = base;
	uint64_t end = (extended->start + extended->size) / SECTOR_SIZE;
	uint32_t number = MBR_ENTRIES + 1;

	for (uint32_t i = 0; i < EXTENDED_RECORDS_MAX; i++) {
		uint8_t sector[SECTOR_SIZE];
		struct mbr table;

		if (!range_within((record + 1) * SECTOR_SIZE, 0, disk_size(survey->disk)))
			break;
		if (disk_read(survey->disk, record * SECTOR_SIZE, sector, sizeof(sector), err) < 0)
			return -1;
		if (!mbr_parse(sector, &table))
			break;
		if (table.entries[0].type != MBR_TYPE_EMPTY && table.entries[0].sectors != 0 &&
		    survey_add_partition(&survey->report, number++, &table.entries[0], record) ==
			    NULL)
			break;
		if (!mbr_is_extended(table.entries[1].type) || table.entries[1].first_lba == 0 ||
		    base + table.entries[1].first_lba <= record ||
		    base + table.entries[1].first_lba >= end)
			break;
		record = base + table.entries[1].first_lba;
	}
	return 0;
}

static bool overlap(const struct bs_partition *a, const struct bs_partition *b)
{
	/* A logical partition lies within the extended one. */
	if ((a->filesystem == BS_FS_EXTENDED && b->number > MBR_ENTRIES) ||
	    (b->filesystem == BS_FS_EXTENDED && a->number > MBR_ENTRIES))
		return false;
	return a->start < b->start + b->size && b->start < a->start + a->size;
}

/* Finds what makes a table, or a disk with this table, one that must not be worked with. */
static void check_table(struct survey *survey, const struct mbr *table)
{
	const struct bs_inspection *report = &survey->report;

	for (uint32_t i = 0; i < MBR_ENTRIES; i++)
		if (table->entries[i].flag != 0 && table->entries[i].flag != MBR_ACTIVE)
			survey_note(survey, BS_PARTITION_TABLE_INVALID,
				    "partition %u has the flag byte 0x%02x, neither active nor not",
				    i + 1, table->entries[i].flag);
	for (uint32_t i = 0; i < report->partition_count; i++) {
		const struct bs_partition *partition = &report->partitions[i];

		if (partition->type == MBR_TYPE_DYNAMIC)
			survey_note(survey, BS_DYNAMIC_DISK,
				    "partition %u belongs to a dynamic disk", partition->number);
		if (partition->type == MBR_TYPE_SPACES || partition->type == MBR_TYPE_SPACES_DATA)
			survey_note(survey, BS_STORAGE_SPACES,
				    "partition %u belongs to a pool of Storage Spaces",
				    partition->number);
		if (partition->start == 0)
			survey_note(survey, BS_PARTITION_TABLE_INVALID,
				    "partition %u starts at sector 0, where the partition table is",
				    partition->number);
		if (!range_within(partition->start, partition->size, report->disk_size))
			survey_note(survey, BS_DISK_CUT_SHORT,
				    "partition %u does not end within the disk: the image was cut "
				    "short",
				    partition->number);
		for (uint32_t j = 0; j < i; j++)
			if (overlap(partition, &report->partitions[j]))
				survey_note(survey, BS_PARTITION_TABLE_INVALID,
					    "partitions %u and %u overlap",
					    report->partitions[j].number, partition->number);
	}
}

/* The label, the free room and what stands in the way of writing. */
static int look_into_ntfs(struct survey *survey, struct disk *window, uint32_t index,
			  struct bs_error *err)
{
	struct bs_partition *partition = &survey->report.partitions[index];
	struct survey_partition *own = &survey->partitions[index];
	struct volume *volume;
	struct volume_state state;
	int result;

	result = volume_open(window, VOLUME_READ, &volume, err);
	if (result == 0) {
		result = volume_state(volume, &state, err);
		volume_done(volume);
	}
	if (result < 0) {
		if (!survey_is_content(err->code))
			return -1;
		own->obstacle = BS_NTFS_DAMAGED;
		snprintf(own->obstacle_text, sizeof(own->obstacle_text), "%.150s", err->message);
		return 0;
	}
	snprintf(partition->label, sizeof(partition->label), "%s", state.label);
	partition->usage_known = true;
	partition->free = state.free;
	partition->cluster_size = state.cluster_size;
	own->obstacle = state.obstacle;
	snprintf(own->obstacle_text, sizeof(own->obstacle_text), "%s", state.obstacle_text);
	return 0;
}

static bool is_fat(const uint8_t *record)
{
	return memcmp(record + 0x36, "FAT", 3) == 0 || memcmp(record + 0x52, "FAT32", 5) == 0;
}

static int look_into(struct survey *survey, uint32_t index, struct bs_error *err)
{
	struct bs_partition *partition = &survey->report.partitions[index];
	struct survey_partition *own = &survey->partitions[index];
	struct disk *window;
	uint8_t record[VBR_SIZE];
	int result = -1;

	if (partition->filesystem == BS_FS_EXTENDED || partition->size < VBR_SIZE ||
	    !range_within(partition->start, partition->size, survey->report.disk_size))
		return 0;
	window = window_open(survey->disk, partition->start, partition->size, err);
	if (window == NULL)
		return -1;
	if (disk_read(window, 0, record, sizeof(record), err) < 0)
		goto out;
	vbr_parse(record, &own->boot_record);
	result = 0;
	if (own->boot_record.kind == VBR_BITLOCKER) {
		partition->filesystem = BS_FS_BITLOCKER;
	} else if (own->boot_record.kind != VBR_NOT_NTFS) {
		partition->filesystem = BS_FS_NTFS;
		result = look_into_ntfs(survey, window, index, err);
	} else if (is_fat(record)) {
		partition->filesystem = BS_FS_FAT;
	}
out:
	disk_close(window);
	return result;
}

bool survey_is_readable(const struct survey *survey, int32_t index)
{
	const struct bs_partition *partition = &survey->report.partitions[index];

	return partition->filesystem == BS_FS_NTFS && partition->usage_known;
}

int survey_open_volume(const struct survey *survey, int32_t index, struct disk **window,
		       struct volume **volume, struct bs_error *err)
{
	const struct bs_partition *partition = &survey->report.partitions[index];

	*volume = NULL;
	*window = window_open(survey->disk, partition->start, partition->size, err);
	if (*window == NULL)
		return -1;
	if (volume_open(*window, VOLUME_READ, volume, err) == 0)
		return 0;
	disk_close(*window);
	*window = NULL;
	return -1;
}

/* Which partition the BIOS would start, and whether it is the one that is worked with. */
static void link_active(struct survey *survey, uint32_t active, int32_t index)
{
	const struct bs_inspection *report = &survey->report;
	uint32_t number = active != 0 ? report->partitions[index].number : 0;

	if (active == 0)
		survey_broken(survey, BS_LINK_ACTIVE, BS_NO_ACTIVE_PARTITION,
			      "no partition is active");
	else if (active > 1)
		survey_broken(survey, BS_LINK_ACTIVE, BS_SEVERAL_ACTIVE,
			      "more than one partition is active");
	else if (report->partitions[index].filesystem == BS_FS_EXTENDED)
		survey_broken(survey, BS_LINK_ACTIVE, BS_SYSTEM_PARTITION,
			      "partition %u, an extended one, which starts nothing", number);
	else if (report->system_index >= 0 && report->system_index != index)
		survey_broken(survey, BS_LINK_ACTIVE, BS_SYSTEM_PARTITION,
			      "partition %u, and not the chosen one", number);
	else
		survey_good(survey, BS_LINK_ACTIVE, "partition %u", number);
}

int32_t survey_partition_index(const struct bs_inspection *report, uint32_t number)
{
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].number == number &&
		    report->partitions[i].filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

/* For advice: the only primary partition with bootmgr and a store, if there is only one. */
static int advise_system(struct survey *survey, struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	uint32_t number = 0;

	for (uint32_t i = 0; i < report->partition_count; i++) {
		bool manager, store = false;

		if (report->partitions[i].number > MBR_ENTRIES)
			continue;
		if (survey_has_file(survey, (int32_t)i, BOOT_MANAGER, &manager, err) < 0 ||
		    (manager &&
		     survey_has_file(survey, (int32_t)i, BOOT_BCD_PATH, &store, err) < 0))
			return -1;
		if (store && number != 0)
			return 0;
		if (store)
			number = report->partitions[i].number;
	}
	report->advised_partition = number;
	return 0;
}

/* Chooses the system partition: the one that was asked for, or the active one. */
static int choose_system(struct survey *survey, uint32_t wanted, struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	uint32_t active = 0;
	int32_t index = -1;

	for (uint32_t i = 0; i < report->partition_count; i++) {
		if (!report->partitions[i].active)
			continue;
		active++;
		index = (int32_t)i;
	}
	if (wanted != 0) {
		if (wanted <= MBR_ENTRIES) /* only a primary one can be active */
			report->system_index = survey_partition_index(report, wanted);
		if (report->system_index < 0)
			survey_note(survey, BS_SYSTEM_PARTITION, "there is no primary partition %u",
				    wanted);
	} else if (active == 0) {
		survey_note(survey, BS_NO_ACTIVE_PARTITION, "no partition is active");
	} else if (active > 1) {
		survey_note(survey, BS_SEVERAL_ACTIVE, "%u partitions are active", active);
	} else if (report->partitions[index].filesystem == BS_FS_EXTENDED) {
		survey_note(survey, BS_SYSTEM_PARTITION,
			    "the active partition %u is an extended one, which holds no boot files",
			    report->partitions[index].number);
	} else {
		report->system_index = index;
	}
	if (report->system_index >= 0)
		report->partitions[report->system_index].is_system = true;
	link_active(survey, active, index);
	return report->system_index < 0 ? advise_system(survey, err) : 0;
}

/* The disk starts nothing, and there is no more to look at. */
static void note_unusable(struct survey *survey, enum bs_link_kind link, enum bs_code code,
			  const char *what)
{
	survey_broken(survey, link, code, "%s", what);
	survey_note(survey, code, "%s", what);
}

/* Says what a disk is whose first sector has no partition table.  `start`: its first VBR_SIZE
 * bytes. */
static void note_no_table(struct survey *survey, const uint8_t *start)
{
	static const uint8_t luks[] = {'L', 'U', 'K', 'S', 0xBA, 0xBE};
	struct vbr record;

	vbr_parse(start, &record);
	if (memcmp(start, luks, sizeof(luks)) == 0)
		note_unusable(survey, BS_LINK_MBR_CODE, BS_DISK_ENCRYPTED,
			      "the whole disk is encrypted (LUKS)");
	else if (record.kind != VBR_NOT_NTFS || is_fat(start))
		note_unusable(survey, BS_LINK_MBR_CODE, BS_NO_PARTITION_TABLE,
			      "it is the image of a single volume");
	else if (memcmp(start + SECTOR_SIZE, "EFI PART", 8) == 0)
		note_unusable(survey, BS_LINK_MBR_CODE, BS_GPT,
			      "the disk has a GUID partition table (GPT), without a protective "
			      "master boot record");
	else if (all_zero(start, VBR_SIZE))
		note_unusable(survey, BS_LINK_MBR_CODE, BS_DISK_EMPTY,
			      "the disk is empty where its partition table should be");
	else
		note_unusable(survey, BS_LINK_MBR_CODE, BS_NO_PARTITION_TABLE,
			      "the first sector is no master boot record");
}

/*
 * A table of a disk with sectors of 4096 bytes counts in these.  Then an NTFS volume with such
 * sectors is where it says, and none where it would be on a disk with the usual ones.
 */
static int has_large_sectors(struct survey *survey, const struct mbr *table, bool *large,
			     struct bs_error *err)
{
	uint8_t record[VBR_SIZE];
	struct vbr parsed;

	*large = false;
	for (uint32_t i = 0; i < MBR_ENTRIES && !*large; i++) {
		uint64_t first = table->entries[i].first_lba;

		if (table->entries[i].type == MBR_TYPE_EMPTY || first == 0 ||
		    !range_within(first * LARGE_SECTOR_SIZE, VBR_SIZE, survey->report.disk_size))
			continue;
		if (disk_read(survey->disk, first * SECTOR_SIZE, record, sizeof(record), err) < 0)
			return -1;
		vbr_parse(record, &parsed);
		if (parsed.kind != VBR_NOT_NTFS)
			return 0;
		if (disk_read(survey->disk, first * LARGE_SECTOR_SIZE, record, sizeof(record),
			      err) < 0)
			return -1;
		vbr_parse(record, &parsed);
		*large = parsed.bytes_per_sector == LARGE_SECTOR_SIZE;
	}
	return 0;
}

/* Code that may start something else leaves open what starts; that is as it was after a fix. */
static void look_at_code(struct survey *survey, enum mbr_code code)
{
	const char *text = mbr_code_text(code);

	if (code == MBR_CODE_STANDARD) {
		survey_good(survey, BS_LINK_MBR_CODE, "%s", text);
	} else if (code == MBR_CODE_NONE) {
		survey_broken(survey, BS_LINK_MBR_CODE, BS_NOTE_MBR_CODE, "%s", text);
		survey_note(
			survey, BS_NOTE_MBR_CODE,
			"the master boot record has no code: the disk starts neither before nor "
			"after a fix");
	} else {
		survey_unknown(survey, BS_LINK_MBR_CODE, BS_NOTE_MBR_CODE, "%s", text);
		survey_note(survey, BS_NOTE_MBR_CODE, "the master boot record's code is %s", text);
	}
}

int survey_partitions(struct survey *survey, const struct bs_options *options, struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	uint8_t start[VBR_SIZE] = {0};
	struct mbr table;
	struct vbr record;
	bool large;

	if (disk_read(survey->disk, 0, start, min_u64(sizeof(start), report->disk_size), err) < 0)
		return -1;
	vbr_parse(start, &record);
	if (record.kind != VBR_NOT_NTFS || is_fat(start) || !mbr_parse(start, &table)) {
		note_no_table(survey, start);
		return 0;
	}
	report->disk_signature = table.disk_signature;
	look_at_code(survey, table.code);
	if (has_large_sectors(survey, &table, &large, err) < 0)
		return -1;
	if (large) {
		note_unusable(survey, BS_LINK_ACTIVE, BS_SECTOR_SIZE,
			      "the disk has sectors of 4096 bytes (4Kn)");
		return 0;
	}
	for (uint32_t i = 0; i < MBR_ENTRIES; i++) {
		if (table.entries[i].type == MBR_TYPE_PROTECTIVE) {
			survey_note(survey, BS_GPT, "the disk has a GUID partition table (GPT)");
			return 0;
		}
		if (table.entries[i].type != MBR_TYPE_EMPTY && table.entries[i].sectors != 0)
			(void)survey_add_partition(report, i + 1, &table.entries[i], 0);
	}
	for (uint32_t i = 0, primary = report->partition_count; i < primary; i++)
		if (report->partitions[i].filesystem == BS_FS_EXTENDED &&
		    add_logical(survey, &report->partitions[i], err) < 0)
			return -1;
	if (report->partition_count == 0) {
		note_unusable(survey, BS_LINK_ACTIVE, BS_NO_PARTITIONS,
			      "the disk has no partitions");
		return 0;
	}
	check_table(survey, &table);
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (look_into(survey, i, err) < 0)
			return -1;
	return choose_system(survey, options->system_partition, err);
}
