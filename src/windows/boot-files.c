/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/boot-files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/bytes.h"
#include "windows/survey.h"
#include "windows/tree.h"

static const char *const fixed_items[] = {BOOT_MANAGER, "\\BOOTNXT", BOOT_FOLDER};
#define FIXED_ITEMS (sizeof(fixed_items) / sizeof(fixed_items[0]))

/* ---- the files ----------------------------------------------------------------------------- */

static const struct bs_plan_file *find(const struct survey *survey, const char *path)
{
	for (uint32_t i = 0; i < survey->file_count; i++)
		if (strcasecmp(survey->files[i].path, path) == 0)
			return &survey->files[i];
	return NULL;
}

const struct bs_plan_file *boot_files_find(const struct survey *survey, const char *path)
{
	const struct bs_plan_file *file = find(survey, path);

	return file != NULL && !file->is_folder ? file : NULL;
}

bool boot_files_lies_in(const char *path, const char *item)
{
	size_t length = strlen(item);

	return strncasecmp(path, item, length) == 0 &&
	       (path[length] == '\0' || path[length] == '\\');
}

const struct boot_item *boot_files_item(const struct survey *survey, const char *path)
{
	for (uint32_t i = 0; i < survey->item_count; i++)
		if (boot_files_lies_in(path, survey->items[i].path))
			return &survey->items[i];
	return NULL;
}

/* Says of which kind a reparse point is; the tags are those of [MS-FSCC] 2.1.2.1. */
static const char *reparse_text(uint32_t tag)
{
	switch (tag) {
	case 0x80000017:
		return "compressed by the Windows Overlay Filter (WOF, as compact /exe does it)";
	case 0xA0000003:
		return "a mount point or junction";
	case 0xA000000C:
		return "a symbolic link";
	case 0x80000013:
		return "deduplicated";
	default:
		return "a reparse point";
	}
}

static void judge_kind(struct survey *survey, const char *path,
		       const struct volume_metadata *metadata)
{
	if (metadata->attributes & FILE_IS_ENCRYPTED)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED, "%.300s is encrypted", path);
	else if (metadata->attributes & FILE_IS_REPARSE_POINT)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED, "%.300s is %s", path,
			    reparse_text(metadata->reparse_tag));
	/* As only tools on Unix make them: Windows cannot tell the two apart. */
	if (find(survey, path) != NULL)
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "%.300s is there twice, in upper and lower case", path);
}

static int add_file(void *context, const char *path, struct volume_file *file,
		    const struct volume_metadata *metadata, struct bs_error *err)
{
	struct survey *survey = context;
	struct bs_plan_file *grown;
	struct volume_stream *streams;
	bool has_content = false;
	size_t count;

	judge_kind(survey, path, metadata);
	if (survey->file_count == BS_PLAN_FILES_MAX)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED, "more than %d files would move",
			    BS_PLAN_FILES_MAX);
	grown = reallocarray(survey->files, survey->file_count + 1, sizeof(*grown));
	if (grown == NULL)
		return fail_memory(err);
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
	for (size_t i = 0; i < count; i++) {
		has_content |= streams[i].name[0] == '\0';
		if (!add_u64(survey->stream_bytes, streams[i].size, &survey->stream_bytes))
			survey->stream_bytes = UINT64_MAX;
		/* Lone surrogates became U+FFFD when the name was read: it is not found by it. */
		if (strstr(streams[i].name, "\xEF\xBF\xBD") != NULL)
			survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
				    "%.300s has a stream with a name that is no valid Unicode",
				    path);
	}
	free(streams);
	/* Also an empty file has an unnamed stream, of no length. */
	return metadata->is_folder || has_content
		       ? 0
		       : fail(err, BS_NTFS_DAMAGED, "the record of %.300s has no content", path);
}

/* A folder on the way to more than one item is listed once, before the first of them. */
static int add_parent(void *context, const char *path, struct volume_file *file,
		      const struct volume_metadata *metadata, struct bs_error *err)
{
	return find(context, path) != NULL ? 0 : add_file(context, path, file, metadata, err);
}

/* ---- the items ----------------------------------------------------------------------------- */

static int read_short_name(struct volume *volume, struct boot_item *item, struct bs_error *err)
{
	struct volume_file *file;
	struct volume_metadata metadata;
	int result;

	if (volume_open_file(volume, item->path, &file, err) < 0)
		return -1;
	if (file == NULL)
		return 0;
	result = volume_stat(file, &metadata, err);
	volume_done_file(file);
	if (result == 0)
		memcpy(item->short_name, metadata.short_name, sizeof(item->short_name));
	return result;
}

static int add_item(struct survey *survey, struct volume *volume, const char *path,
		    enum boot_item_reason reason, struct bs_error *err)
{
	struct boot_item *item = &survey->items[survey->item_count];
	bool found;

	if (survey->item_count == BOOT_ITEMS_MAX) {
		survey_note(survey, BS_BOOT_FILE_UNSUPPORTED,
			    "the BCD and boot.ini name too many files outside of \\Boot");
		return 0;
	}
	if (tree_walk_parents(volume, path, add_parent, survey, err) < 0 ||
	    tree_walk(volume, path, add_file, survey, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	survey->item_count++;
	*item = (struct boot_item){.reason = reason};
	snprintf(item->path, sizeof(item->path), "%s", path);
	return read_short_name(volume, item, err);
}

int boot_files_list(struct survey *survey, struct volume *volume, struct bs_error *err)
{
	for (size_t i = 0; i < FIXED_ITEMS; i++)
		if (add_item(survey, volume, fixed_items[i], BOOT_ITEM_OF_BOOTMGR, err) < 0)
			return -1;
	return 0;
}

int boot_files_add(struct survey *survey, struct volume *volume, const char *path,
		   enum boot_item_reason reason, struct bs_error *err)
{
	return find(survey, path) != NULL ? 0 : add_item(survey, volume, path, reason, err);
}

/* Goes one name further: `name`, of `length` bytes, in the folder found->path. */
static int look_in(struct volume *volume, const char *name, size_t length,
		   struct boot_files_found *found, struct bs_error *err)
{
	char part[VOLUME_NAME_MAX], path[BS_PATH_MAX];
	struct volume_file *file = NULL;
	struct volume_metadata metadata;
	int result = 0;

	found->kind = BOOT_FILES_NOTHING;
	snprintf(part, sizeof(part), "%.*s", (int)length, name);
	if (length < sizeof(part) && volume_join(path, found->path, part))
		result = volume_open_file(volume, path, &file, err);
	if (file == NULL)
		return result;
	result = volume_stat(file, &metadata, err);
	volume_done_file(file);
	if (result < 0 || metadata.is_metadata || !volume_join(path, found->path, metadata.name))
		return result;
	found->kind = metadata.is_folder ? BOOT_FILES_FOLDER : BOOT_FILES_FILE;
	found->size = metadata.size;
	found->attributes = metadata.attributes;
	memcpy(found->path, path, sizeof(found->path));
	return 0;
}

int boot_files_look(struct volume *volume, const char *path, struct boot_files_found *found,
		    struct bs_error *err)
{
	*found = (struct boot_files_found){.kind = BOOT_FILES_NOTHING};
	if (path[0] != '\\')
		return 0;
	for (path += strspn(path, "\\"); *path != '\0'; path += strspn(path, "\\")) {
		size_t length = strcspn(path, "\\");

		if (look_in(volume, path, length, found, err) < 0)
			return -1;
		if (found->kind == BOOT_FILES_NOTHING)
			break;
		path += length;
	}
	if (found->kind == BOOT_FILES_NOTHING)
		found->path[0] = '\0';
	return 0;
}
