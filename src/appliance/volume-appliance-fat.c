/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A FAT volume that the appliance's kernel reads.
 *
 * The kernel tells neither the attributes nor the short name nor the time of creation.  But the
 * number of a file's inode is the place of the file's entry, in units of 32 bytes of the volume.  So
 * the client reads the entry from its own disk.
 */
#include <stdio.h>
#include <string.h>

#include "appliance/fat-entry.h"
#include "appliance/volume-ask.h"
#include "util/bytes.h"
#include "volume/scoped.h"

#define ROOT_INODE 1u /* the root folder has no entry */

/* ---- names --------------------------------------------------------------------------------- */

static const char *fat_name(const struct volume_appliance_file *file)
{
	return strrchr(file->path, '/') + 1;
}

/* The last name in a path must be in its folder's list of names.  `file` is changed. */
static int fat_is_listed(struct volume_appliance_file *file, bool *listed, struct bs_error *err)
{
	SCOPED struct volume_entry *entries = NULL;
	char name[APPLIANCE_PATH_MAX];
	size_t count;

	*listed = false;
	strcpy(name, fat_name(file));
	file->path[fat_name(file) - file->path] = '\0';
	if (volume_appliance_list(&file->file, &entries, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && !*listed; i++)
		*listed = strcmp(entries[i].name, name) == 0;
	return 0;
}

/* Whether each name in the file's path that may be a short name is in its folder's list. */
static int fat_are_listed(const struct volume_appliance_file *file, bool *listed,
			  struct bs_error *err)
{
	*listed = true;
	for (const char *end = file->path; *listed && *end;) {
		struct volume_appliance_file part = *file;

		end += 1 + strcspn(end + 1, "/"); /* the path begins with a slash */
		part.path[end - file->path] = '\0';
		if (strchr(fat_name(&part), '~') && fat_is_listed(&part, listed, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether a name in the path ends with a dot or a blank. */
static bool fat_has_open_end(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((*c == '.' || *c == ' ') && (c[1] == '\\' || c[1] == '\0'))
			return true;
	return false;
}

/*
 * The kernel also finds a file by its short name, and ignores dots and blanks at the end of a name.
 * Then it would give one file under the name of another.
 */
static int fat_open_file(struct volume *volume, const char *path, struct volume_file **out,
			 struct bs_error *err)
{
	bool listed = true;

	if (fat_has_open_end(path))
		return fail(err, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s has a name that Windows cannot open", path);
	if (volume_appliance_open_file(volume, path, out, err) < 0)
		return -1;
	if (!*out)
		return 0;
	if (fat_are_listed((struct volume_appliance_file *)*out, &listed, err) < 0)
		listed = false;
	else if (!listed)
		fail(err, BS_BOOT_FILE_UNSUPPORTED,
		     "%.400s is the short name of a file on a FAT volume", path);
	if (listed)
		return 0;
	volume_done_file(*out);
	*out = NULL;
	return -1;
}

/* ---- what describes a file ----------------------------------------------------------------- */

static int fat_read_entry(const struct volume_appliance_file *file, uint8_t entry[FAT_ENTRY_SIZE],
			  struct bs_error *err)
{
	const struct volume_appliance *volume = file->volume;

	if (file->record >= volume->size / FAT_ENTRY_SIZE)
		return fail(err, BS_NTFS_DAMAGED, "the entry of %.400s is not on the volume",
			    file->path);
	return disk_read(volume->disk, volume->start + file->record * FAT_ENTRY_SIZE, entry,
			 FAT_ENTRY_SIZE, err);
}

static int fat_stat(struct volume_file *base, struct volume_metadata *metadata,
		    struct bs_error *err)
{
	const struct volume_appliance_file *file = (const struct volume_appliance_file *)base;
	uint8_t entry[FAT_ENTRY_SIZE];

	*metadata = (struct volume_metadata){
		.is_folder = file->is_folder,
		.is_metadata = file->record == ROOT_INODE,
		.size = file->is_folder ? 0 : file->size,
	};
	if (metadata->is_metadata)
		return 0;
	snprintf(metadata->name, sizeof(metadata->name), "%s", fat_name(file));
	if (fat_read_entry(file, entry, err) < 0)
		return -1;
	if (!fat_entry_describe(entry, metadata) || metadata->is_folder != file->is_folder)
		return fail(err, BS_NTFS_DAMAGED, "the entry of %.400s is another one", file->path);
	return 0;
}

static int fat_extended_attributes(struct volume_file *base, uint8_t **attributes, size_t *size,
				   struct bs_error *err)
{
	(void)base;
	(void)err;
	*attributes = NULL;
	*size = 0;
	return 0;
}

static int fat_streams(struct volume_file *base, struct volume_stream **streams, size_t *count,
		       struct bs_error *err)
{
	const struct volume_appliance_file *file = (const struct volume_appliance_file *)base;

	*count = file->is_folder ? 0 : 1;
	*streams = calloc(1, sizeof(**streams));
	if (!*streams)
		return fail_memory(err);
	(*streams)->size = file->size;
	return 0;
}

const struct volume_operations volume_appliance_fat_operations = {
	.close = volume_appliance_close,
	.state = volume_appliance_state,
	.open_file = fat_open_file,
	.close_file = volume_appliance_close_file,
	.stat = fat_stat,
	.extended_attributes = fat_extended_attributes,
	.streams = fat_streams,
	.read = volume_appliance_read,
	.list = volume_appliance_list,
};
