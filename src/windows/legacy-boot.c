/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey of an earlier Windows (NT to XP) in the boot menu: bootmgr starts \ntldr, which looks
 * for all else in the root of the volume that it came from.  So its files move along, boot.ini byte
 * for byte: the numbers of partitions in it do not depend on which one is active.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/boot-ini.h"
#include "util/bytes.h"
#include "windows/survey.h"
#include "windows/tree.h"

#define BOOT_INI "\\boot.ini"

/* What ntldr loads or reads by these names; \ntldr is there when it comes to this. */
static const struct legacy_file {
	const char *path;
	bool may_be_empty;
} legacy_files[] = {
	{"\\ntldr", false},       {"\\NTDETECT.COM", false}, {BOOT_INI, false},
	{"\\bootfont.bin", true}, {"\\NTBOOTDD.SYS", true},
};

static uint32_t system_number(const struct survey *survey)
{
	return survey->report.partitions[survey->report.system_index].number;
}

static int add_file(struct survey *survey, struct volume *system, const struct legacy_file *file,
		    struct bs_error *err)
{
	struct boot_files_found found;

	if (boot_files_look(system, file->path, &found, err) < 0)
		return -1;
	if (found.kind == BOOT_FILES_NOTHING)
		return 0;
	if (found.kind == BOOT_FILES_FOLDER || (found.size == 0 && !file->may_be_empty)) {
		survey_note(survey, BS_LEGACY_UNSUPPORTED,
			    "%s on partition %u is %s, so the earlier Windows does not start",
			    file->path, system_number(survey),
			    found.kind == BOOT_FILES_FOLDER ? "a folder" : "empty");
		return 0;
	}
	return boot_files_add(survey, system, file->path, BOOT_ITEM_OF_LEGACY, err);
}

/* ---- boot.ini ------------------------------------------------------------------------------ */

/*
 * The partition that ntldr counts as the `wanted`th, from 1 on: all but empty entries and extended
 * partitions.  NULL: there is none.
 */
static const struct bs_partition *counted(const struct bs_inspection *report, uint32_t wanted)
{
	for (uint32_t i = 0; i < report->partition_count; i++)
		if (report->partitions[i].filesystem != BS_FS_EXTENDED && --wanted == 0)
			return &report->partitions[i];
	return NULL;
}

static void check_windows(struct survey *survey, const struct boot_ini_choice *choice)
{
	const struct bs_partition *partition = counted(&survey->report, choice->partition);

	if (choice->disk != 0)
		return;
	if (partition != NULL) {
		if (partition->is_system)
			survey_note(survey, BS_NOTE_STAYS,
				    "the Windows that boot.ini starts from %s stays on partition "
				    "%u: keep that partition",
				    choice->text, partition->number);
		return;
	}
	survey_note(survey, BS_NOTE_LEGACY,
		    "boot.ini%s names partition %u of this disk, which there is not: %s did not "
		    "start before either",
		    choice->is_default ? "'s default" : "", choice->partition, choice->text);
}

/* The code of a boot sector finds its volume by the hidden sectors in it, wherever its file is. */
static int check_boot_sector(struct survey *survey, struct volume *system, const char *path,
			     uint64_t size, struct bs_error *err)
{
	const struct bs_partition *partition =
		&survey->report.partitions[survey->report.system_index];
	uint8_t *content;
	size_t length;

	if (size < SECTOR_SIZE || size > VBR_SIZE * 2)
		return 0;
	if (tree_read(system, path, VBR_SIZE * 2, &content, &length, err) < 0)
		return -1;
	if (content != NULL && content[0x1FE] == 0x55 && content[0x1FF] == 0xAA &&
	    load_le32(content + VBR_HIDDEN_SECTORS_OFFSET) == partition->start / SECTOR_SIZE)
		survey_note(survey, BS_NOTE_STAYS,
			    "%.300s, which boot.ini names, moves too, but goes on reading "
			    "partition %u: keep that partition",
			    path, partition->number);
	free(content);
	return 0;
}

static int add_boot_sector(struct survey *survey, struct volume *system, const char *path,
			   struct bs_error *err)
{
	struct boot_files_found found;

	if (boot_files_look(system, path, &found, err) < 0)
		return -1;
	if (found.kind != BOOT_FILES_FILE)
		return 0; /* it did not start before either */
	if (check_boot_sector(survey, system, path, found.size, err) < 0)
		return -1;
	return boot_files_add(survey, system, found.path, BOOT_ITEM_OF_LEGACY, err);
}

static int read_boot_ini(struct survey *survey, struct volume *system, struct bs_error *err)
{
	struct boot_ini ini = {0};
	uint8_t *content;
	size_t size;
	int result = tree_read(system, BOOT_INI, BOOT_INI_SIZE_MAX, &content, &size, err);

	if (result == 0)
		result = boot_ini_parse(content, size, &ini, err);
	free(content);
	if (result < 0) {
		if (err->code != BS_BOOT_FILE_UNSUPPORTED && err->code != BS_LEGACY_UNSUPPORTED)
			return -1;
		survey_note(survey, BS_LEGACY_UNSUPPORTED, BOOT_INI " on partition %u: %s",
			    system_number(survey), err->message);
		return 0;
	}
	for (uint32_t i = 0; i < ini.count; i++) {
		const struct boot_ini_choice *choice = &ini.choices[i];

		if (choice->kind == BOOT_INI_WINDOWS)
			check_windows(survey, choice);
		else if (choice->kind == BOOT_INI_FILE &&
			 add_boot_sector(survey, system, choice->path, err) < 0)
			return -1;
	}
	return 0;
}

int survey_legacy_boot(struct survey *survey, struct volume *system, struct bs_error *err)
{
	struct boot_files_found found;

	for (size_t i = 0; i < sizeof(legacy_files) / sizeof(legacy_files[0]); i++)
		if (add_file(survey, system, &legacy_files[i], err) < 0)
			return -1;
	if (boot_files_find(survey, BOOT_INI) != NULL)
		return read_boot_ini(survey, system, err);
	if (boot_files_look(system, BOOT_INI, &found, err) < 0)
		return -1;
	if (found.kind == BOOT_FILES_NOTHING)
		survey_note(survey, BS_NOTE_LEGACY,
			    "there is no " BOOT_INI " on partition %u, by which the earlier "
			    "Windows would start",
			    system_number(survey));
	return 0;
}
