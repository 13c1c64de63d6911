/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/boot-target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/bytes.h"
#include "windows/survey.h"
#include "windows/tree.h"

static uint32_t target_number(const struct survey *survey)
{
	return survey->report.partitions[survey->report.boot_index].number;
}

/* At least this many bytes become free with a file: whole clusters, of whatever usual size. */
static uint64_t freed_with(const struct volume_metadata *metadata)
{
	uint32_t thin = FILE_IS_SPARSE | FILE_IS_COMPRESSED;

	return metadata->attributes & thin ? 0 : metadata->size - metadata->size % 4096;
}

/* Replacing one of several names of a file parts it from the others and frees no room: refused. */
static int check_replaced(void *context, const char *path, struct volume_file *file,
			  const struct volume_metadata *metadata, struct bs_error *err)
{
	struct survey *survey = context;

	(void)file;
	(void)err;
	if (!add_u64(survey->replaced_bytes, freed_with(metadata), &survey->replaced_bytes))
		survey->replaced_bytes = UINT64_MAX;
	if (metadata->links > 1)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s on partition %u has several names (hard links)", path,
			    target_number(survey));
	return 0;
}

/* Whether a file is in the folder of the Windows that starts, which is the loader's top one. */
static bool is_of_windows(const struct survey *survey, const char *path)
{
	const char *loader = survey->report.loader_path;
	size_t length = 1 + strcspn(loader + 1, "\\");

	return loader[length] == '\\' && strncasecmp(path, loader, length + 1) == 0;
}

/*
 * Only \Boot, which is nobody else's, gives way as a folder with all that is in it; and what an
 * entry starts takes the place of a file of its own kind, not of one of Windows.
 */
static int check_kind(struct survey *survey, struct volume *target, const struct boot_item *item,
		      struct bs_error *err)
{
	struct boot_files_found there;

	if (item->reason == BOOT_ITEM_OF_BOOTMGR)
		return 0;
	if (boot_files_look(target, item->path, &there, err) < 0)
		return -1;
	if (there.kind == BOOT_FILES_FOLDER)
		survey_note(survey,
			    item->reason == BOOT_ITEM_OF_LEGACY ? BS_LEGACY_UNSUPPORTED
								: BS_BOOT_FILE_UNSUPPORTED,
			    "%.300s on partition %u is a folder, in the place of a file that moves",
			    item->path, target_number(survey));
	else if (there.kind == BOOT_FILES_FILE && is_of_windows(survey, there.path))
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.300s, which an entry starts, would replace a file of Windows on "
			    "partition %u",
			    item->path, target_number(survey));
	return 0;
}

/*
 * How many entries of the folder have this name when case is ignored: only tools on Unix make two.
 */
static int count_names(struct volume *target, const char *folder, const char *name, unsigned *names,
		       struct bs_error *err)
{
	struct volume_file *file;
	struct volume_metadata metadata;
	struct volume_entry *entries = NULL;
	size_t count = 0;
	int result;

	*names = 0;
	if (volume_open_file(target, folder, &file, err) < 0)
		return -1;
	if (file == NULL)
		return 0;
	result = volume_stat(file, &metadata, err);
	if (result == 0 && metadata.is_folder)
		result = volume_list(file, &entries, &count, err);
	volume_done_file(file);
	for (size_t i = 0; i < count; i++)
		*names += strcasecmp(entries[i].name, name) == 0;
	free(entries);
	return result;
}

/* A name of the item, its own or its 8.3 one, that is another file's there. */
static int check_name(struct survey *survey, struct volume *target, const struct boot_item *item,
		      const char *path, struct bs_error *err)
{
	struct boot_files_found there;

	if (boot_files_look(target, path, &there, err) < 0)
		return -1;
	if (there.kind != BOOT_FILES_NOTHING && strcasecmp(there.path, item->path) != 0)
		survey_note(
			survey, BS_BOOT_FILE_UNSUPPORTED,
			"%.300s on partition %u is also called %.300s, a name that %.300s needs",
			there.path, target_number(survey), path, item->path);
	return 0;
}

static int check_names(struct survey *survey, struct volume *target, const struct boot_item *item,
		       struct bs_error *err)
{
	const char *name = strrchr(item->path, '\\') + 1;
	char folder[BS_PATH_MAX], short_path[BS_PATH_MAX];
	unsigned names;

	snprintf(folder, sizeof(folder), "%.*s", (int)(name - item->path), item->path);
	if (check_name(survey, target, item, item->path, err) < 0)
		return -1;
	if (item->short_name[0] != '\0') {
		snprintf(short_path, sizeof(short_path), "%.700s%s", folder, item->short_name);
		if (check_name(survey, target, item, short_path, err) < 0)
			return -1;
	}
	if (count_names(target, folder, name, &names, err) < 0)
		return -1;
	if (names > 1)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.300s is on partition %u %u times, in upper and lower case",
			    item->path, target_number(survey), names);
	return 0;
}

static void drop_file(struct survey *survey, const char *path)
{
	for (uint32_t i = 0; i < survey->file_count; i++) {
		if (strcasecmp(survey->files[i].path, path) != 0)
			continue;
		memmove(&survey->files[i], &survey->files[i + 1],
			(--survey->file_count - i) * sizeof(*survey->files));
		return;
	}
}

static int meet_parent(void *context, const char *path, struct volume_file *file,
		       const struct volume_metadata *metadata, struct bs_error *err)
{
	struct survey *survey = context;

	(void)file;
	(void)err;
	if (!metadata->is_folder || metadata->attributes & FILE_IS_REPARSE_POINT)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.300s on partition %u is not the folder that is needed there", path,
			    target_number(survey));
	drop_file(survey, path);
	return 0;
}

int boot_target_meet(struct survey *survey, struct volume *target, struct bs_error *err)
{
	for (uint32_t i = 0; i < survey->item_count; i++) {
		struct boot_item *item = &survey->items[i];
		bool found;

		if (check_kind(survey, target, item, err) < 0 ||
		    check_names(survey, target, item, err) < 0 ||
		    tree_walk_parents(target, item->path, meet_parent, survey, err) < 0 ||
		    tree_count(target, item->path, &item->replaces, err) < 0 ||
		    tree_walk(target, item->path, check_replaced, survey, &found, err) < 0)
			return -1;
		if (item->replaces != 0)
			survey_note(survey, BS_NOTE_REPLACES,
				    "%.300s stands on partition %u already: it is replaced, and "
				    "undo brings it back",
				    item->path, target_number(survey));
	}
	return 0;
}
