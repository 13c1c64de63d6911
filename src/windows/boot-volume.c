/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey's third part: the boot volume.  Its loader and Windows' name, its boot record, and
 * what stands at the places to which the boot files go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/window.h"
#include "windows/regf.h"
#include "windows/survey.h"
#include "windows/tree.h"

/* ---- Windows' name ------------------------------------------------------------------------- */

static int read_hive(void *source, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	return volume_read(source, "", offset, buffer, length, err);
}

static int read_names(struct regf *hive, struct bs_inspection *report, struct bs_error *err)
{
	char build[24], service_pack[32];
	uint32_t key;

	if (regf_open(hive, err) < 0 ||
	    regf_find_path(hive, "Microsoft\\Windows NT\\CurrentVersion", &key, err) < 0)
		return -1;
	if (key == 0)
		return 0;
	if (regf_string(hive, key, "ProductName", report->windows_name,
			sizeof(report->windows_name), err) < 0 ||
	    regf_string(hive, key, "CurrentBuildNumber", build, sizeof(build), err) < 0 ||
	    regf_string(hive, key, "CSDVersion", service_pack, sizeof(service_pack), err) < 0)
		return -1;
	snprintf(report->windows_build, sizeof(report->windows_build), "%s%s%s", build,
		 service_pack[0] != '\0' ? " " : "", service_pack);
	return 0;
}

/* Best effort: a disk without a readable SOFTWARE hive is fixed like any other. */
static int name_windows(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	struct volume_file *file;
	struct volume_metadata metadata;
	int result;

	result = volume_open_file(volume, "\\Windows\\System32\\config\\SOFTWARE", &file, err);
	if (result == 0 && file != NULL) {
		result = volume_stat(file, &metadata, err);
		if (result == 0) {
			struct regf hive = {
				.read = read_hive, .source = file, .size = metadata.size};

			result = read_names(&hive, &survey->report, err);
		}
		volume_done_file(file);
	}
	return result < 0 && !survey_is_content(err->code) ? -1 : 0;
}

/* ---- the loader ---------------------------------------------------------------------------- */

static int check_loader(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	const char *path = survey->report.loader_path;
	struct volume_file *file;
	struct volume_metadata metadata;
	int result;

	if (volume_open_file(volume, path, &file, err) < 0)
		return -1;
	if (file == NULL) {
		survey_link(survey, BS_LINK_WINLOAD, BS_LINK_BROKEN, "%.200s is missing", path);
		survey_note(survey, BS_WINLOAD_MISSING, "%.400s is missing on partition %u", path,
			    survey->report.partitions[survey->report.boot_index].number);
		return 0;
	}
	result = volume_stat(file, &metadata, err);
	volume_done_file(file);
	if (result < 0)
		return -1;
	if (metadata.is_folder || metadata.size == 0) {
		survey_link(survey, BS_LINK_WINLOAD, BS_LINK_BROKEN, "%.200s is empty", path);
		survey_note(survey, BS_WINLOAD_MISSING, "%.400s is empty", path);
		return 0;
	}
	survey_link(survey, BS_LINK_WINLOAD, BS_LINK_GOOD, "%.200s, %llu bytes", path,
		    (unsigned long long)metadata.size);
	return 0;
}

/* ---- what a fix meets there ---------------------------------------------------------------- */

/* Replacing one of several names of a file parts it from the others and frees no room: refused. */
static int check_replaced(void *context, const char *path, struct volume_file *file,
			  const struct volume_metadata *metadata, struct bs_error *err)
{
	struct survey *survey = context;

	(void)file;
	(void)err;
	if (metadata->links > 1)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s on partition %u has several names (hard links)", path,
			    survey->report.partitions[survey->report.boot_index].number);
	return 0;
}

static int count_replaced(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	for (int i = 0; i < BOOT_ITEMS; i++) {
		bool found;

		if (!survey->present[i])
			continue;
		if (tree_count(volume, boot_items[i], &survey->replaces[i], err) < 0 ||
		    tree_walk(volume, boot_items[i], check_replaced, survey, &found, err) < 0)
			return -1;
		if (survey->replaces[i] != 0)
			survey_note(survey, BS_NOTE_REPLACES,
				    "%s stands on partition %u already: it is replaced, and undo "
				    "brings it back",
				    boot_items[i],
				    survey->report.partitions[survey->report.boot_index].number);
	}
	return 0;
}

static void check_boot_record(struct survey *survey)
{
	const struct bs_inspection *report = &survey->report;
	const struct bs_partition *boot = &report->partitions[report->boot_index];
	const struct vbr *own = &survey->partitions[report->boot_index].boot_record;
	const struct vbr *donor = &survey->partitions[report->system_index].boot_record;

	if (own->kind == VBR_BITLOCKER || own->kind == VBR_NOT_NTFS)
		return; /* a refusal of its own */
	if (own->kind != VBR_BOOTMGR && donor->kind != VBR_BOOTMGR) {
		/* Something else may load bootmgr, GRUB for example: as it was, so it stays. */
		survey_note(survey, BS_NOTE_BOOT_CODE,
			    "neither the system nor the boot volume has boot code that starts "
			    "bootmgr: the disk starts by it neither before nor after a fix");
	} else if (own->kind != VBR_BOOTMGR) {
		survey->boot_code_needed = true;
		survey_note(survey, BS_NOTE_BOOT_CODE,
			    "the boot volume's boot record (%s) is replaced by the system volume's",
			    vbr_kind_text(own->kind));
	} else if (own->hidden_sectors != boot->start / SECTOR_SIZE) {
		survey->boot_code_needed = true;
		survey_note(survey, BS_NOTE_BOOT_CODE,
			    "the boot volume's boot record says that it starts at sector %u: "
			    "corrected to %llu",
			    own->hidden_sectors, (unsigned long long)boot->start / SECTOR_SIZE);
	}
}

int survey_boot_volume(struct survey *survey, struct bs_error *err)
{
	const struct bs_inspection *report = &survey->report;
	const struct bs_partition *boot = &report->partitions[report->boot_index];
	bool fix = report->boot_index != report->system_index;
	struct disk *window;
	struct volume *volume = NULL;
	int result = -1;

	if (boot->filesystem != BS_FS_NTFS || !boot->usage_known)
		return 0; /* a refusal of its own */
	if (fix)
		check_boot_record(survey);
	window = window_open(survey->disk, boot->start, boot->size, err);
	if (window == NULL)
		return -1;
	if (volume_open(window, VOLUME_READ, &volume, err) == 0) {
		result = check_loader(survey, volume, err);
		if (result == 0)
			result = name_windows(survey, volume, err);
		if (result == 0 && fix)
			result = count_replaced(survey, volume, err);
	}
	volume_done(volume);
	disk_close(window);
	if (result < 0 && survey_is_content(err->code)) {
		survey_note(survey, BS_NTFS_DAMAGED, "the boot volume (partition %u): %s",
			    boot->number, err->message);
		return 0;
	}
	return result;
}
