/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the boot files: what a fix moves from the system volume to the boot volume.
 *
 * They are a list of items.  Each item is a file or a whole folder.  bootmgr, BOOTNXT (new in
 * Windows 8) and \Boot are items if they exist.  Other items are the files outside of \Boot that an
 * entry of the BCD or of boot.ini starts from the volume that bootmgr came from.
 */
#include <stdio.h>
#include <string.h>

#include "survey/reader.h"
#include "util/bytes.h"
#include "volume/scoped.h"
#include "volume/tree.h"

static const char *const fixed_items[] = {BOOT_MANAGER, "\\BOOTNXT", BOOT_FOLDER};
#define FIXED_ITEMS (sizeof(fixed_items) / sizeof(fixed_items[0]))

/* ---- files --------------------------------------------------------------------------------- */

/* Adds up the streams' sizes.  The reader of names has replaced a lone surrogate by U+FFFD, so a
 * stream with such a name could not be found by its name. */
static int boot_files_read_streams(struct facts *facts, struct fact_file *added,
				   struct volume_file *file, struct bs_error *err)
{
	SCOPED struct volume_stream *streams = NULL;
	bool has_content = false;
	size_t count;

	if (volume_streams(file, &streams, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		has_content |= streams[i].name[0] == '\0';
		if (!add_u64(facts->stream_bytes, streams[i].size, &facts->stream_bytes))
			facts->stream_bytes = UINT64_MAX;
		added->bad_stream_name |= strstr(streams[i].name, "\xEF\xBF\xBD") != NULL;
	}
	/* An empty file also has an unnamed stream, with the length 0. */
	return added->file.is_folder || has_content
		       ? 0
		       : fail(err, BS_NTFS_DAMAGED, "the record of %.300s has no content",
			      added->file.path);
}

int boot_files_add_copy(struct facts *facts, const char *path, const struct tree_visit *visit,
			struct bs_error *err)
{
	bool twice = facts_find(facts, path) != NULL;
	struct fact_file *added;

	if (facts->files.count == BS_PLAN_FILES_MAX)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED, "more than %d files would move",
			    BS_PLAN_FILES_MAX);
	added = fact_files_add(&facts->files, err);
	if (!added)
		return -1;
	added->file.is_folder = visit->metadata->is_folder;
	added->file.size = visit->metadata->size;
	added->file.attributes = visit->metadata->attributes;
	added->reparse_tag = visit->metadata->reparse_tag;
	added->twice = twice;
	snprintf(added->file.path, sizeof(added->file.path), "%s", path);
	return boot_files_read_streams(facts, added, visit->file, err);
}

static int boot_files_add_file(void *facts, const struct tree_visit *visit, struct bs_error *err)
{
	return boot_files_add_copy(facts, visit->path, visit, err);
}

/* Adds a parent folder of an item.  A parent of several items is added once, before the first. */
static int boot_files_add_parent(void *context, const struct tree_visit *visit,
				 struct bs_error *err)
{
	return facts_find(context, visit->path) ? 0 : boot_files_add_file(context, visit, err);
}

/* ---- items --------------------------------------------------------------------------------- */

static int boot_files_add_item(struct reader *reader, struct volume *system, const char *path,
			       enum boot_item_reason reason, struct bs_error *err)
{
	struct facts *facts = reader->facts;
	struct boot_item *item = &facts->items[facts->item_count];
	struct volume_metadata metadata;
	bool found;

	if (facts->item_count == BOOT_ITEMS_MAX) {
		facts->items_left_out = true;
		return 0;
	}
	if (tree_walk_parents(system, path, boot_files_add_parent, facts, err) < 0 ||
	    tree_walk(system, path, boot_files_add_file, facts, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	facts->item_count++;
	*item = (struct boot_item){.reason = reason};
	snprintf(item->path, sizeof(item->path), "%s", path);
	if (tree_stat(system, path, &found, &metadata, err) < 0)
		return -1;
	if (found)
		memcpy(item->short_name, metadata.short_name, sizeof(item->short_name));
	return 0;
}

int boot_files_read(struct reader *reader, struct volume *system, struct bs_error *err)
{
	for (size_t i = 0; i < FIXED_ITEMS; i++)
		if (boot_files_add_item(reader, system, fixed_items[i], BOOT_ITEM_OF_BOOTMGR, err) <
		    0)
			return -1;
	return 0;
}

int boot_files_add(struct reader *reader, struct volume *system, const char *path,
		   enum boot_item_reason reason, struct bs_error *err)
{
	return facts_find(reader->facts, path)
		       ? 0
		       : boot_files_add_item(reader, system, path, reason, err);
}
