/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the files of an earlier Windows (NT to XP) in the boot menu.  bootmgr starts \ntldr, and
 * ntldr looks for its files in the root of the volume that it came from.  So these files move, too.
 * boot.ini is not changed: its partition numbers do not depend on which partition is active.
 */
#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "volume/tree.h"

static int legacy_read_files(struct reader *reader, struct volume *system, struct bs_error *err)
{
	struct fact_legacy *legacy = &reader->facts->legacy;

	for (uint32_t i = 0; i < LEGACY_FILES; i++) {
		const char *path = fact_legacy_names[i].path;

		if (reader_find(system, path, &legacy->files[i], err) < 0)
			return -1;
		if (legacy->files[i].kind == FOUND_NOTHING || facts_is_unfit(legacy, i))
			continue;
		if (boot_files_add(reader, system, path, BOOT_ITEM_OF_LEGACY, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- boot.ini ------------------------------------------------------------------------------ */

/* A boot sector finds its volume by its field "hidden sectors", not by the place of its file. */
static int legacy_read_boot_sector(const struct facts *facts, struct volume *system,
				   struct fact_choice *choice, struct bs_error *err)
{
	uint64_t start = facts->partitions[facts->system_index].is.start;
	SCOPED uint8_t *content = NULL;
	size_t length;

	if (choice->found.size < SECTOR_SIZE || choice->found.size > VBR_SIZE * 2)
		return 0;
	if (tree_read(system, choice->ini.path, VBR_SIZE * 2, &content, &length, err) < 0)
		return -1;
	choice->reads_system =
		content && content[0x1FE] == 0x55 && content[0x1FF] == 0xAA &&
		load_le32(content + VBR_HIDDEN_SECTORS_OFFSET) == start / SECTOR_SIZE;
	return 0;
}

static int legacy_read_choice(struct reader *reader, struct volume *system,
			      struct fact_choice *choice, struct bs_error *err)
{
	if (choice->ini.kind != BOOT_INI_FILE)
		return 0;
	if (reader_find(system, choice->ini.path, &choice->found, err) < 0)
		return -1;
	if (choice->found.kind != FOUND_FILE)
		return 0; /* the choice did not start before the fix either */
	if (legacy_read_boot_sector(reader->facts, system, choice, err) < 0)
		return -1;
	return boot_files_add(reader, system, choice->found.path, BOOT_ITEM_OF_LEGACY, err);
}

static int legacy_read_menu(struct reader *reader, struct volume *system, struct bs_error *err)
{
	struct fact_legacy *legacy = &reader->facts->legacy;
	struct boot_ini ini = {0};
	SCOPED uint8_t *content = NULL;
	size_t size;
	int result = tree_read(system, BOOT_INI_PATH, BOOT_INI_SIZE_MAX, &content, &size, err);

	if (result == 0)
		result = boot_ini_parse(content, size, &ini, err);
	if (result < 0) {
		if (err->code != BS_BOOT_FILE_UNSUPPORTED && err->code != BS_LEGACY_UNSUPPORTED)
			return -1;
		legacy->menu_error = *err;
		return 0;
	}
	for (uint32_t i = 0; i < ini.count; i++) {
		struct fact_choice *choice = &legacy->choices[legacy->choice_count++];

		choice->ini = ini.choices[i];
		if (legacy_read_choice(reader, system, choice, err) < 0)
			return -1;
	}
	return 0;
}

int legacy_boot_read(struct reader *reader, struct volume *system, struct bs_error *err)
{
	struct fact_legacy *legacy = &reader->facts->legacy;
	struct fact_found menu;

	if (legacy->was_read)
		return 0;
	legacy->was_read = true;
	if (legacy_read_files(reader, system, err) < 0)
		return -1;
	if (facts_find_file(reader->facts, BOOT_INI_PATH))
		return legacy_read_menu(reader, system, err);
	if (reader_find(system, BOOT_INI_PATH, &menu, err) < 0)
		return -1;
	legacy->menu_missing = menu.kind == FOUND_NOTHING;
	return 0;
}
