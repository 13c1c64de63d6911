/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey's second part: the system volume.  Its boot record, bootmgr and the boot files; the
 * BCD, which leads to the boot volume; and the elements in it whose file a fix moves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "disk/window.h"
#include "util/bytes.h"
#include "windows/bcd.h"
#include "windows/survey.h"
#include "windows/tree.h"

/* Bytes.  The boot record loads it whole to 0x20000, and from 0x9F000 on the BIOS has its data. */
#define BOOTMGR_SIZE_MAX (508u << 10)
#define OS_LOADER        0x10200003u /* object type: starts Windows */

static void check_boot_record(struct survey *survey)
{
	const struct bs_partition *system = &survey->report.partitions[survey->report.system_index];
	const struct vbr *record = &survey->partitions[survey->report.system_index].boot_record;

	if (record->kind != VBR_BOOTMGR)
		survey_link(survey, BS_LINK_BOOT_RECORD, BS_LINK_BROKEN, "%s",
			    vbr_kind_text(record->kind));
	else if (record->hidden_sectors != system->start / SECTOR_SIZE)
		survey_link(survey, BS_LINK_BOOT_RECORD, BS_LINK_BROKEN,
			    "it says that the volume starts at sector %u, which is %llu",
			    record->hidden_sectors,
			    (unsigned long long)system->start / SECTOR_SIZE);
	else
		survey_link(survey, BS_LINK_BOOT_RECORD, BS_LINK_GOOD, "%s",
			    vbr_kind_text(record->kind));
}

/* ---- the boot files ------------------------------------------------------------------------ */

static const struct bs_plan_file *find_file(const struct survey *survey, const char *path)
{
	for (uint32_t i = 0; i < survey->file_count; i++)
		if (!survey->files[i].is_folder && strcasecmp(survey->files[i].path, path) == 0)
			return &survey->files[i];
	return NULL;
}

static int add_file(void *context, const char *path, struct volume_file *file,
		    const struct volume_metadata *metadata, struct bs_error *err)
{
	struct survey *survey = context;
	struct bs_plan_file *grown;
	struct volume_stream *streams;
	size_t count;

	if (metadata->attributes & (FILE_IS_REPARSE_POINT | FILE_IS_ENCRYPTED))
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED, "%s is %s", path,
			    metadata->attributes & FILE_IS_ENCRYPTED ? "encrypted"
								     : "a reparse point");
	/* As only tools on Unix make them: Windows cannot tell the two apart. */
	if (find_file(survey, path) != NULL)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%s is there twice, in upper and lower case", path);
	if (survey->file_count == BS_PLAN_FILES_MAX)
		return fail(err, BS_NTFS, "\\Boot holds too many files");
	grown = reallocarray(survey->files, survey->file_count + 1, sizeof(*grown));
	if (grown == NULL)
		return fail(err, BS_NO_MEMORY, "out of memory");
	survey->files = grown;
	grown = &survey->files[survey->file_count++];
	*grown = (struct bs_plan_file){
		.is_folder = metadata->is_folder,
		.size = metadata->size,
		.attributes = metadata->attributes,
	};
	snprintf(grown->path, sizeof(grown->path), "%s", path);
	if (!metadata->is_folder) {
		survey->report.boot_file_count++;
		survey->report.boot_file_bytes += metadata->size;
	}
	if (volume_streams(file, &streams, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!add_u64(survey->stream_bytes, streams[i].size, &survey->stream_bytes))
			survey->stream_bytes = UINT64_MAX;
	free(streams);
	return 0;
}

static int list_boot_files(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	for (int i = 0; i < BOOT_ITEMS; i++)
		if (tree_walk(volume, boot_items[i], add_file, survey, &survey->present[i], err) <
		    0)
			return -1;
	return 0;
}

/* bootmgr: an ordinary file that the boot record's small reader of NTFS can load. */
static int check_bootmgr(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	const struct bs_plan_file *bootmgr = find_file(survey, boot_items[BOOT_ITEM_BOOTMGR]);
	const char *what = NULL;
	uint8_t *content = NULL;
	size_t size = 0;

	if (bootmgr == NULL) {
		survey_link(survey, BS_LINK_BOOTMGR, BS_LINK_BROKEN, "missing");
		survey_note(survey, BS_BOOTMGR_MISSING,
			    "the system volume (partition %u) has no \\bootmgr",
			    survey->report.partitions[survey->report.system_index].number);
		return 0;
	}
	if (bootmgr->attributes & FILE_IS_COMPRESSED)
		what = "compressed"; /* the boot record says so and stops */
	else if (bootmgr->attributes & FILE_IS_SPARSE)
		what = "sparse";
	else if (bootmgr->size == 0)
		what = "empty";
	else if (bootmgr->size > BOOTMGR_SIZE_MAX)
		what = "too large";
	else if (tree_read(volume, bootmgr->path, BOOTMGR_SIZE_MAX, &content, &size, err) < 0)
		return -1;
	else if (all_zero(content, size))
		what = "nothing but zeros";
	free(content);
	if (what == NULL) {
		survey_link(survey, BS_LINK_BOOTMGR, BS_LINK_GOOD, "%llu bytes",
			    (unsigned long long)bootmgr->size);
		return 0;
	}
	survey_link(survey, BS_LINK_BOOTMGR, BS_LINK_BROKEN, "it is %s", what);
	survey_note(survey, BS_BOOTMGR_DAMAGED, "\\bootmgr is %s", what);
	return 0;
}

/* ---- the boot configuration ---------------------------------------------------------------- */

/* The partition that a device leads to, or -1.  `boot` leads to where bootmgr came from. */
static int32_t resolve(const struct survey *survey, const struct bcd_device *device)
{
	const struct bs_inspection *report = &survey->report;

	if (device->kind == BCD_DEVICE_BOOT)
		return report->system_index;
	if (device->kind != BCD_DEVICE_PARTITION ||
	    device->disk_signature != report->disk_signature)
		return -1;
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].start == device->partition_offset &&
		    report->partitions[i].filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

/* *found = the partition with `path` on it, when exactly one has it. */
static int locate(struct survey *survey, const char *path, int32_t *found, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;

	*found = -1;
	for (uint32_t i = 0; i < report->partition_count; i++) {
		const struct bs_partition *partition = &report->partitions[i];
		struct disk *window;
		struct volume *volume;
		struct volume_file *file = NULL;
		int result;

		if (partition->filesystem != BS_FS_NTFS || !partition->usage_known)
			continue;
		window = window_open(survey->disk, partition->start, partition->size, err);
		if (window == NULL)
			return -1;
		result = volume_open(window, VOLUME_READ, &volume, err);
		if (result == 0) {
			result = volume_open_file(volume, path, &file, err);
			if (file != NULL) {
				*found = *found == -1 ? (int32_t)i : -2;
				volume_done_file(file);
			}
			volume_done(volume);
		}
		disk_close(window);
		if (result < 0 && !survey_is_content(err->code))
			return -1;
	}
	if (*found < 0)
		*found = -1;
	return 0;
}

/* One entry of the boot menu: the object, where its loader is and which. */
struct entry {
	char object[40];
	char description[96];
	struct bcd_device device;
	bool is_loader;
};

static void read_entry(const struct bcd *bcd, const char *object, struct entry *entry)
{
	const struct bcd_element *device = bcd_find(bcd, object, BCD_DEVICE);

	*entry = (struct entry){.is_loader = device != NULL && device->object_type == OS_LOADER};
	snprintf(entry->object, sizeof(entry->object), "%s", object);
	bcd_device(bcd, device, &entry->device);
	bcd_text(bcd, bcd_find(bcd, object, BCD_DESCRIPTION), entry->description,
		 sizeof(entry->description));
}

static void entry_path(const struct bcd *bcd, const struct entry *entry, char path[BS_PATH_MAX])
{
	bcd_text(bcd, bcd_find(bcd, entry->object, BCD_PATH), path, BS_PATH_MAX);
}

/*
 * The entry that starts Windows: the default one, or, when that is a tool such as the memory
 * diagnostic, the first loader whose partition is on this disk.  With `partition` not -1, the
 * first loader on that partition.  False when there is none.
 */
static bool find_loader(const struct survey *survey, const struct bcd *bcd, const char *first,
			int32_t partition, struct entry *entry)
{
	read_entry(bcd, first, entry);
	if (entry->is_loader && (partition < 0 || resolve(survey, &entry->device) == partition))
		return true;
	for (size_t i = 0; i < bcd->count; i++) {
		if (bcd->elements[i].id != BCD_DEVICE || bcd->elements[i].object_type != OS_LOADER)
			continue;
		read_entry(bcd, bcd->elements[i].object, entry);
		if (partition >= 0 ? resolve(survey, &entry->device) == partition
				   : resolve(survey, &entry->device) >= 0)
			return true;
	}
	return false;
}

static void note_unresolved(struct survey *survey, const struct entry *entry)
{
	const struct bcd_device *device = &entry->device;

	if (device->kind == BCD_DEVICE_PARTITION &&
	    device->disk_signature != survey->report.disk_signature)
		survey_note(survey, BS_OTHER_DISK,
			    "the default entry starts Windows from the disk with the signature "
			    "%08x, this one has %08x",
			    device->disk_signature, survey->report.disk_signature);
	else if (device->kind == BCD_DEVICE_PARTITION)
		survey_note(survey, BS_BOOT_VOLUME_MISSING,
			    "the default entry starts Windows from a partition at byte %llu of the "
			    "disk, where there is none",
			    (unsigned long long)device->partition_offset);
	else
		survey_note(
			survey, BS_BOOT_VOLUME_MISSING,
			"the default entry does not start Windows from a partition of this disk");
}

static int32_t index_of_number(const struct bs_inspection *report, uint32_t number)
{
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].number == number &&
		    report->partitions[i].filesystem != BS_FS_EXTENDED)
			return (int32_t)i;
	return -1;
}

/* Follows the default entry to the boot volume. */
static int find_boot_volume(struct survey *survey, const struct bcd *bcd, uint32_t wanted,
			    struct bs_error *err)
{
	struct bs_inspection *report = &survey->report;
	struct entry entry = {0}, first = {0};
	char object[40];
	int32_t wanted_index = -1;
	bool have;

	if (wanted != 0) {
		wanted_index = index_of_number(report, wanted);
		if (wanted_index < 0) {
			survey_note(survey, BS_BOOT_VOLUME_MISSING, "there is no partition %u",
				    wanted);
			return 0;
		}
	}
	have = bcd_default_object(bcd, object);
	if (have) {
		read_entry(bcd, object, &first);
		have = bcd_find(bcd, object, BCD_DEVICE) != NULL;
	}
	if (have)
		survey_link(survey, BS_LINK_DEFAULT_ENTRY, BS_LINK_GOOD, "%s",
			    first.description[0] != '\0' ? first.description : first.object);
	else
		survey_link(survey, BS_LINK_DEFAULT_ENTRY, BS_LINK_BROKEN, "none");
	if (!have) {
		survey_note(survey, BS_NO_DEFAULT_ENTRY, "the BCD has no default entry");
		return 0;
	}
	if (!find_loader(survey, bcd, object, wanted_index, &entry)) {
		if (wanted_index < 0) {
			survey_link(survey, BS_LINK_BOOT_VOLUME, BS_LINK_BROKEN, "not found");
			note_unresolved(survey, &first);
			return 0;
		}
		entry = (struct entry){0};
	}
	entry_path(bcd, &entry, report->loader_path);
	if (report->loader_path[0] == '\0')
		snprintf(report->loader_path, sizeof(report->loader_path),
			 "\\Windows\\System32\\winload.exe");
	if (wanted_index >= 0)
		report->boot_index = wanted_index;
	else if (entry.device.kind != BCD_DEVICE_LOCATE)
		report->boot_index = resolve(survey, &entry.device);
	else if (locate(survey, report->loader_path, &report->boot_index, err) < 0)
		return -1;
	if (report->boot_index < 0) {
		survey_link(survey, BS_LINK_BOOT_VOLUME, BS_LINK_BROKEN, "not in this image");
		note_unresolved(survey, &entry);
		return 0;
	}
	report->partitions[report->boot_index].is_boot = true;
	survey_link(survey, BS_LINK_BOOT_VOLUME, BS_LINK_GOOD, "partition %u",
		    report->partitions[report->boot_index].number);
	return 0;
}

/* Lists the elements that lead to a file that moves, and tells of those that stay behind. */
static int list_elements(struct survey *survey, const struct bcd *bcd, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	char stays[BS_PATH_MAX] = "";
	uint32_t staying = 0;

	survey->elements = calloc(BS_ELEMENTS_MAX, sizeof(*survey->elements));
	if (survey->elements == NULL)
		return fail(err, BS_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < bcd->count; i++) {
		const struct bcd_element *element = &bcd->elements[i];
		struct bs_plan_element *planned = &survey->elements[survey->element_count];
		struct bcd_device device;
		char path[BS_PATH_MAX];

		if (!bcd_is_device(element->id))
			continue;
		bcd_device(bcd, element, &device);
		if ((device.kind != BCD_DEVICE_PARTITION && device.kind != BCD_DEVICE_RAMDISK) ||
		    device.disk_signature != report->disk_signature ||
		    device.partition_offset != report->partitions[report->system_index].start)
			continue;
		bcd_device_file(bcd, element, &device, path, sizeof(path));
		if (find_file(survey, path) == NULL) {
			if (staying++ == 0)
				memcpy(stays, path, sizeof(stays));
			continue;
		}
		if (survey->element_count == BS_ELEMENTS_MAX) {
			survey_note(survey, BS_BCD_DAMAGED, "the BCD has too many entries");
			return 0;
		}
		survey->element_count++;
		snprintf(planned->object, sizeof(planned->object), "%s", element->object);
		planned->element = element->id;
		planned->offset = device.field_offset;
		memcpy(planned->path, path, sizeof(planned->path));
	}
	if (staying != 0 && report->boot_index != report->system_index)
		survey_note(
			survey, BS_NOTE_STAYS,
			"%u BCD element%s keep%s pointing to partition %u, where %s stays%s: keep "
			"that partition",
			staying, staying == 1 ? "" : "s", staying == 1 ? "s" : "",
			report->partitions[report->system_index].number,
			stays[0] != '\0' ? stays : "what they name", staying > 1 ? " too" : "");
	return 0;
}

static int read_bcd(struct survey *survey, struct volume *volume, const struct bs_options *options,
		    struct bs_error *err)
{
	uint8_t *bytes;
	size_t size;
	struct bcd bcd = {0};
	int result;

	if (tree_read(volume, BOOT_BCD_PATH, BCD_SIZE_MAX, &bytes, &size, err) < 0) {
		if (err->code != BS_BOOT_FILE_UNSUPPORTED)
			return -1;
		survey_link(survey, BS_LINK_BCD, BS_LINK_BROKEN, "too large");
		survey_note(survey, BS_BCD_DAMAGED, "\\Boot\\BCD is too large to be a BCD");
		return 0;
	}
	if (bytes == NULL) {
		survey_link(survey, BS_LINK_BCD, BS_LINK_BROKEN, "missing");
		survey_note(survey, BS_BCD_MISSING,
			    "the system volume (partition %u) has no \\Boot\\BCD",
			    survey->report.partitions[survey->report.system_index].number);
		return 0;
	}
	result = bcd_parse(bytes, size, &bcd, err);
	if (result < 0) {
		if (err->code != BS_BCD_DAMAGED)
			goto out;
		survey_link(survey, BS_LINK_BCD, BS_LINK_BROKEN, "damaged");
		survey_note(survey, BS_BCD_DAMAGED, "\\Boot\\BCD: %s", err->message);
		result = 0;
		goto out;
	}
	survey_link(survey, BS_LINK_BCD, BS_LINK_GOOD, "%zu bytes, %zu elements", size, bcd.count);
	result = find_boot_volume(survey, &bcd, options->boot_partition, err);
	if (result == 0 && survey->report.boot_index >= 0 &&
	    survey->report.boot_index != survey->report.system_index) {
		if (bcd.dirty)
			survey_note(
				survey, BS_BCD_DIRTY,
				"\\Boot\\BCD was not written back fully: newer data waits in its "
				"log files");
		result = list_elements(survey, &bcd, err);
	}
out:
	bcd_free(&bcd);
	free(bytes);
	return result;
}

int survey_system_volume(struct survey *survey, const struct bs_options *options,
			 struct bs_error *err)
{
	const struct bs_partition *system = &survey->report.partitions[survey->report.system_index];
	struct disk *window;
	struct volume *volume = NULL;
	int result = -1;

	check_boot_record(survey);
	if (system->filesystem != BS_FS_NTFS || !system->usage_known) {
		const struct survey_partition *own =
			&survey->partitions[survey->report.system_index];

		survey_link(survey, BS_LINK_BOOTMGR, BS_LINK_UNKNOWN, "cannot be read");
		if (system->filesystem == BS_FS_BITLOCKER)
			survey_note(survey, BS_BITLOCKER,
				    "the system volume (partition %u) is encrypted",
				    system->number);
		else if (system->filesystem != BS_FS_NTFS)
			survey_note(survey, BS_NOT_NTFS,
				    "the system volume (partition %u) is not NTFS", system->number);
		else
			survey_note(survey, own->obstacle, "the system volume (partition %u): %s",
				    system->number, own->obstacle_text);
		return 0;
	}
	window = window_open(survey->disk, system->start, system->size, err);
	if (window == NULL)
		return -1;
	if (volume_open(window, VOLUME_READ, &volume, err) < 0)
		goto out;
	result = list_boot_files(survey, volume, err);
	if (result == 0)
		result = check_bootmgr(survey, volume, err);
	if (result == 0)
		result = read_bcd(survey, volume, options, err);
out:
	volume_done(volume);
	disk_close(window);
	if (result < 0 && survey_is_content(err->code)) {
		survey_note(survey, BS_NTFS_DAMAGED, "the system volume (partition %u): %s",
			    system->number, err->message);
		return 0;
	}
	return result;
}
