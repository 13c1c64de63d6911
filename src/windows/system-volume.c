/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey's second part: the system volume.  Its boot record, bootmgr and the boot files, and
 * the BCD, whose entries are followed in entries.c and its devices in elements.c.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/regf.h"
#include "disk/window.h"
#include "util/bytes.h"
#include "windows/survey.h"
#include "windows/tree.h"

/*
 * Bytes.  The boot record loads it whole to 0x20000, and from 0x9F000 on the BIOS has its data.
 * Windows Vista's is the smallest, with 325 KiB: what is far below is a part of one, or none.
 */
#define BOOTMGR_SIZE_MAX (508u << 10)
#define BOOTMGR_SIZE_MIN (128u << 10)

static const struct bs_partition *system_partition(const struct survey *survey)
{
	return &survey->report.partitions[survey->report.system_index];
}

static void check_boot_record(struct survey *survey)
{
	const struct bs_partition *system = system_partition(survey);
	const struct vbr *record = &survey->partitions[survey->report.system_index].boot_record;
	enum bs_code code = BS_BOOT_CODE_MISSING;

	if (record->kind == VBR_NOT_NTFS)
		code = BS_NOT_NTFS;
	else if (record->kind == VBR_BITLOCKER)
		code = BS_BITLOCKER;
	if (record->kind != VBR_BOOTMGR)
		survey_broken(survey, BS_LINK_BOOT_RECORD, code, "%s", vbr_kind_text(record->kind));
	else if (vbr_misfit(record) != NULL)
		survey_broken(survey, BS_LINK_BOOT_RECORD, BS_NTFS_GEOMETRY, "the volume has %s",
			      vbr_misfit(record));
	else if (record->hidden_sectors != system->start / SECTOR_SIZE)
		survey_broken(survey, BS_LINK_BOOT_RECORD, BS_NOTE_HIDDEN_SECTORS,
			      "it says that the volume starts at sector %u, which is %llu",
			      record->hidden_sectors,
			      (unsigned long long)system->start / SECTOR_SIZE);
	else
		survey_good(survey, BS_LINK_BOOT_RECORD, "%s", vbr_kind_text(record->kind));
}

/* ---- bootmgr ------------------------------------------------------------------------------- */

/* What keeps the boot record's small reader of NTFS from starting it; *what = NULL for nothing. */
static int judge_bootmgr(struct volume *volume, const struct bs_plan_file *bootmgr,
			 const char **what, struct bs_error *err)
{
	uint8_t *content = NULL;
	size_t size = 0;

	*what = NULL;
	if (bootmgr->attributes & FILE_IS_COMPRESSED)
		*what = "compressed"; /* the boot record says so and stops */
	else if (bootmgr->attributes & FILE_IS_SPARSE)
		*what = "sparse";
	else if (bootmgr->size == 0)
		*what = "empty";
	else if (bootmgr->size < BOOTMGR_SIZE_MIN)
		*what = "too small";
	else if (bootmgr->size > BOOTMGR_SIZE_MAX)
		*what = "too large";
	else if (tree_read(volume, bootmgr->path, BOOTMGR_SIZE_MAX, &content, &size, err) < 0)
		return -1;
	else if (all_zero(content, size))
		*what = "nothing but zeros";
	else if (memcmp(content, "MZ", 2) == 0) /* bootmgr.exe or bootmgfw.efi, renamed */
		*what = "a program of Windows or UEFI, and not what boot code starts";
	free(content);
	return 0;
}

static int check_bootmgr(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	const struct bs_plan_file *bootmgr = boot_files_find(survey, BOOT_MANAGER);
	const char *what;

	if (bootmgr == NULL) {
		survey_broken(survey, BS_LINK_BOOTMGR, BS_BOOTMGR_MISSING, "missing");
		survey_note(survey, BS_BOOTMGR_MISSING,
			    "the system volume (partition %u) has no \\bootmgr",
			    system_partition(survey)->number);
		return 0;
	}
	if (bootmgr->attributes & (FILE_IS_REPARSE_POINT | FILE_IS_ENCRYPTED)) {
		survey_broken(survey, BS_LINK_BOOTMGR, BS_BOOT_FILE_UNSUPPORTED,
			      "it is no ordinary file"); /* there is a finding already */
		return 0;
	}
	if (judge_bootmgr(volume, bootmgr, &what, err) < 0)
		return -1;
	if (what == NULL) {
		survey_good(survey, BS_LINK_BOOTMGR, "%llu bytes",
			    (unsigned long long)bootmgr->size);
		return 0;
	}
	survey_broken(survey, BS_LINK_BOOTMGR, BS_BOOTMGR_DAMAGED, "it is %s", what);
	survey_note(survey, BS_BOOTMGR_DAMAGED, "\\bootmgr is %s", what);
	return 0;
}

/* ---- the boot configuration ---------------------------------------------------------------- */

/* Whether changes that are not in the store yet wait in its logs. */
static int is_outdated(struct volume *volume, const struct bcd *bcd, bool *outdated,
		       struct bs_error *err)
{
	static const char *const logs[] = {BOOT_BCD_PATH ".LOG", BOOT_BCD_PATH ".LOG1",
					   BOOT_BCD_PATH ".LOG2"};

	*outdated = bcd->dirty;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]) && !*outdated; i++) {
		uint8_t *bytes;
		size_t size;

		if (tree_read(volume, logs[i], REGF_LOG_SIZE_MAX, &bytes, &size, err) < 0) {
			if (err->code != BS_BOOT_FILE_UNSUPPORTED)
				return -1;
			continue; /* too large to be one */
		}
		*outdated = bytes != NULL && regf_log_is_newer(bytes, size, bcd->sequence);
		free(bytes);
	}
	return 0;
}

/* What a fix has to do with the entries; not looked at where none applies. */
static int survey_moving_entries(struct survey *survey, struct volume *volume,
				 const struct bcd *bcd, struct bs_error *err)
{
	bool outdated;

	if (survey->report.boot_index < 0 ||
	    survey->report.boot_index == survey->report.system_index)
		return 0;
	if (is_outdated(volume, bcd, &outdated, err) < 0)
		return -1;
	if (outdated)
		survey_note(survey, BS_BCD_DIRTY,
			    BOOT_BCD_PATH " was not written back fully: newer data waits in its "
					  "log files");
	return survey_elements(survey, bcd, volume, err);
}

static void damaged_bcd(struct survey *survey, const char *what)
{
	survey_broken(survey, BS_LINK_BCD, BS_BCD_DAMAGED, "%.200s", what);
	survey_note(survey, BS_BCD_DAMAGED, BOOT_BCD_PATH ": %s", what);
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
		damaged_bcd(survey, "it is too large to be a BCD");
		return 0;
	}
	if (bytes == NULL) {
		survey_broken(survey, BS_LINK_BCD, BS_BCD_MISSING, "missing");
		survey_note(survey, BS_BCD_MISSING,
			    "the system volume (partition %u) has no " BOOT_BCD_PATH,
			    system_partition(survey)->number);
		return 0;
	}
	result = bcd_parse(bytes, size, &bcd, err);
	if (result == 0) {
		survey_good(survey, BS_LINK_BCD, "%zu bytes, %zu elements", size, bcd.count);
		result = survey_entries(survey, &bcd, options->boot_partition, err);
		if (result == 0)
			result = survey_moving_entries(survey, volume, &bcd, err);
	} else if (err->code == BS_BCD_DAMAGED) {
		damaged_bcd(survey, err->message);
		result = 0;
	}
	bcd_free(&bcd);
	free(bytes);
	return result;
}

/* ---- the volume ---------------------------------------------------------------------------- */

static void note_unreadable(struct survey *survey)
{
	const struct bs_partition *system = system_partition(survey);
	const struct survey_partition *own = &survey->partitions[survey->report.system_index];

	survey_unknown(survey, BS_LINK_BOOTMGR, BS_OK, "cannot be read");
	if (system->filesystem == BS_FS_BITLOCKER)
		survey_note(survey, BS_BITLOCKER, "the system volume (partition %u) is encrypted",
			    system->number);
	else if (system->filesystem != BS_FS_NTFS)
		survey_note(survey, BS_NOT_NTFS, "the system volume (partition %u) is not NTFS",
			    system->number);
	else
		survey_note(survey, own->obstacle, "the system volume (partition %u): %s",
			    system->number, own->obstacle_text);
}

int survey_system_volume(struct survey *survey, const struct bs_options *options,
			 struct bs_error *err)
{
	const struct bs_partition *system = system_partition(survey);
	int32_t index = survey->report.system_index;
	struct disk *window;
	struct volume *volume;
	int result;

	check_boot_record(survey);
	if (!survey_is_readable(survey, index)) {
		note_unreadable(survey);
		return 0;
	}
	result = survey_open_volume(survey, index, &window, &volume, err);
	if (result == 0)
		result = boot_files_list(survey, volume, err);
	if (result == 0)
		result = check_bootmgr(survey, volume, err);
	if (result == 0)
		result = read_bcd(survey, volume, options, err);
	volume_done(volume);
	disk_close(window);
	return result < 0 ? survey_blame(survey, "system", system->number, err) : 0;
}
