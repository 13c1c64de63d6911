/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the files and folders of the boot volume that have the paths of boot files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "survey/reader.h"
#include "util/bytes.h"
#include "util/path.h"
#include "volume/scoped.h"
#include "volume/tree.h"

static void target_add(struct facts *facts, enum fact_in_the_way what, const char *path)
{
	struct fact_target *target;

	if (facts->target_count == BS_FINDINGS_MAX)
		return;
	target = &facts->targets[facts->target_count++];
	target->what = what;
	snprintf(target->path, sizeof(target->path), "%s", path);
}

/* The bytes that deleting a file frees at least: whole clusters of up to 4096 bytes. */
static uint64_t target_frees(const struct volume_metadata *metadata)
{
	uint32_t thin = FILE_IS_SPARSE | FILE_IS_COMPRESSED;

	return metadata->attributes & thin ? 0 : metadata->size - metadata->size % 4096;
}

static int target_read_replaced(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	struct facts *facts = context;

	(void)err;
	if (!add_u64(facts->replaced_bytes, target_frees(visit->metadata), &facts->replaced_bytes))
		facts->replaced_bytes = UINT64_MAX;
	if (visit->metadata->links > 1)
		target_add(facts, HARD_LINKED, visit->path);
	return 0;
}

/* A fix does not change a parent folder of an item that the boot volume already has. */
static int target_read_parent(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	struct facts *facts = context;

	(void)err;
	if (!visit->metadata->is_folder || visit->metadata->attributes & FILE_IS_REPARSE_POINT)
		target_add(facts, NOT_A_FOLDER, visit->path);
	for (uint32_t i = 0; i < facts->files.count; i++)
		if (strcasecmp(facts->files.items[i].file.path, visit->path) == 0)
			facts->files.items[i].stays = true;
	return 0;
}

/* Counts the entries of a folder that have a name.  Ignores case. */
static int target_count_names(struct volume *target, const char *folder, const char *name,
			      uint32_t *names, struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	SCOPED struct volume_entry *entries = NULL;
	struct volume_metadata metadata;
	size_t count = 0;

	*names = 0;
	if (volume_open_file(target, folder, &file, err) < 0)
		return -1;
	if (!file)
		return 0;
	if (volume_stat(file, &metadata, err) < 0 ||
	    (metadata.is_folder && volume_list(file, &entries, &count, err) < 0))
		return -1;
	for (size_t i = 0; i < count; i++)
		*names += strcasecmp(entries[i].name, name) == 0;
	return 0;
}

/* Finds the files on the target that have the item's long name or its 8.3 name. */
static int target_read_names(struct volume *target, struct boot_item *item, struct bs_error *err)
{
	const char *name = guest_path_name(item->path);
	char folder[BS_PATH_MAX];

	guest_path_folder(item->path, folder);
	if (reader_find(target, item->path, &item->there, err) < 0)
		return -1;
	if (item->short_name[0] != '\0') {
		if (!volume_join(item->short_path, folder, item->short_name))
			return fail(err, BS_BOOT_FILE_UNSUPPORTED, "%.400s is too long a path",
				    item->path);
		if (reader_find(target, item->short_path, &item->short_there, err) < 0)
			return -1;
	}
	return target_count_names(target, folder, name, &item->names, err);
}

int boot_target_read(struct reader *reader, struct volume *target, struct bs_error *err)
{
	struct facts *facts = reader->facts;

	for (uint32_t i = 0; i < facts->item_count; i++) {
		struct boot_item *item = &facts->items[i];
		bool found;

		if (target_read_names(target, item, err) < 0 ||
		    tree_walk_parents(target, item->path, target_read_parent, facts, err) < 0 ||
		    tree_count(target, item->path, &item->replaces, err) < 0 ||
		    tree_walk(target, item->path, target_read_replaced, facts, &found, err) < 0)
			return -1;
	}
	return 0;
}
