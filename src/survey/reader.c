/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volumes of a disk, each mounted once, and files on them. */
#include "survey/reader.h"

#include <stdio.h>
#include <string.h>

#include "volume/tree.h"

/* ---- volumes ------------------------------------------------------------------------------- */

int reader_mount(struct reader *reader, int32_t index, struct volume **volume, struct bs_error *err)
{
	const struct bs_partition *partition = &reader->facts->partitions[index].is;
	struct volume **mounted = &reader->volumes[index];

	if (!*mounted && volume_open(reader->engine, partition->start, partition->size, VOLUME_READ,
				     mounted, err) < 0)
		return -1;
	*volume = *mounted;
	return 0;
}

void reader_unmount(struct reader *reader, int32_t index)
{
	volume_done(reader->volumes[index]);
	reader->volumes[index] = NULL;
}

void reader_close(struct reader *reader)
{
	for (int32_t i = 0; i < BS_PARTITIONS_MAX; i++)
		reader_unmount(reader, i);
}

bool reader_is_content(enum bs_code code)
{
	return code == BS_NTFS || code == BS_NTFS_DAMAGED || code == BS_BCD_DAMAGED ||
	       code == BS_HIBERNATED || code == BS_UNCLEAN;
}

int reader_keep_error(const struct bs_error *err, struct bs_error *fact)
{
	if (err->code != BS_BOOT_FILE_UNSUPPORTED && !reader_is_content(err->code))
		return -1;
	*fact = *err;
	return 0;
}

/* ---- files --------------------------------------------------------------------------------- */

/* Finds `name`, of `length` bytes, in the folder found->path.  Sets *found to the result. */
static int reader_find_in(struct volume *volume, const char *name, size_t length,
			  struct fact_found *found, struct bs_error *err)
{
	char part[VOLUME_NAME_MAX], path[BS_PATH_MAX];
	struct volume_metadata metadata;
	bool is_there = false;

	found->kind = FOUND_NOTHING;
	snprintf(part, sizeof(part), "%.*s", (int)length, name);
	if (length < sizeof(part) && volume_join(path, found->path, part) &&
	    tree_stat(volume, path, &is_there, &metadata, err) < 0)
		return -1;
	if (!is_there || metadata.is_metadata || !volume_join(path, found->path, metadata.name))
		return 0;
	found->kind = metadata.is_folder ? FOUND_FOLDER : FOUND_FILE;
	found->size = metadata.size;
	found->attributes = metadata.attributes;
	memcpy(found->path, path, sizeof(found->path));
	return 0;
}

int reader_find(struct volume *volume, const char *path, struct fact_found *found,
		struct bs_error *err)
{
	*found = (struct fact_found){.kind = FOUND_NOTHING};
	if (path[0] != '\\')
		return 0;
	for (path += strspn(path, "\\"); *path != '\0'; path += strspn(path, "\\")) {
		size_t length = strcspn(path, "\\");

		if (reader_find_in(volume, path, length, found, err) < 0)
			return -1;
		if (found->kind == FOUND_NOTHING)
			break;
		path += length;
	}
	if (found->kind == FOUND_NOTHING)
		found->path[0] = '\0';
	return 0;
}

int reader_find_on(struct reader *reader, int32_t index, const char *path, struct fact_found *found,
		   struct bs_error *err)
{
	struct volume *volume;

	*found = (struct fact_found){.kind = FOUND_NOTHING};
	if (!facts_is_readable(reader->facts, index))
		return 0;
	if (reader_mount(reader, index, &volume, err) == 0 &&
	    reader_find(volume, path, found, err) == 0)
		return 0;
	reader_unmount(reader, index);
	*found = (struct fact_found){.kind = FOUND_NOTHING};
	return reader_is_content(err->code) ? 0 : -1;
}

int reader_has_file(struct reader *reader, int32_t index, const char *path, bool *there,
		    struct bs_error *err)
{
	struct fact_found found;
	int result = reader_find_on(reader, index, path, &found, err);

	*there = result == 0 && found.kind == FOUND_FILE && found.size != 0;
	return result;
}

int reader_locate(struct reader *reader, const char *path, int32_t *index, uint32_t *count,
		  struct bs_error *err)
{
	*index = -1;
	*count = 0;
	for (uint32_t i = 0; i < reader->facts->partition_count; i++) {
		bool there;

		if (reader_has_file(reader, (int32_t)i, path, &there, err) < 0)
			return -1;
		if (!there)
			continue;
		*index = (int32_t)i;
		++*count;
	}
	if (*count != 1)
		*index = -1;
	return 0;
}
