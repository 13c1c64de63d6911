/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume, implemented with libntfs-3g: making, removing and naming the entries of folders. */
#include "ntfs/volume-ntfs.h"

#include "util/path.h"

/* Opens a folder, and fails if there is no such folder.  The caller closes *inode. */
static int entry_open_folder(struct volume_ntfs *volume, const char *folder, ntfs_inode **inode,
			     struct bs_error *err)
{
	if (ntfs_open_path(volume, folder, inode, NULL, err) < 0)
		return -1;
	return *inode ? 0 : fail(err, BS_NTFS, "the folder %s is missing", folder);
}

/* Opens a folder and an entry of the folder.  The caller closes both. */
static int entry_open(struct volume_ntfs *volume, const char *folder, const char *name,
		      ntfs_inode **parent, ntfs_inode **inode, struct bs_error *err)
{
	char path[BS_PATH_MAX];

	if (!volume_join(path, folder, name))
		return fail(err, BS_NTFS, "too long a path");
	if (ntfs_open_path(volume, path, inode, NULL, err) < 0)
		return -1;
	if (!*inode)
		return fail(err, BS_NTFS, "%s is missing", path);
	if (entry_open_folder(volume, folder, parent, err) == 0)
		return 0;
	ntfs_inode_close(*inode);
	return -1;
}

/* Closes a file that was written to, and its folder. */
static int entry_close(ntfs_inode *inode, ntfs_inode *parent)
{
	int result = 0;

	if (inode && ntfs_inode_close_in_dir(inode, parent) < 0)
		result = -1;
	if (ntfs_inode_close(parent) < 0)
		result = -1;
	return result;
}

int volume_ntfs_create(struct volume *base, const char *folder, const char *name, bool is_folder,
		       struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	ntfs_inode *parent, *inode;
	ntfschar *wide;
	int length;

	if (entry_open_folder(volume, folder, &parent, err) < 0)
		return -1;
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) {
		ntfs_inode_close(parent);
		return -1;
	}
	/*
	 * With a security id, the library creates STANDARD_INFORMATION in the current format.
	 * Without one, it would add a descriptor that lets everyone write.  The caller sets the
	 * right descriptor later.
	 */
	inode = ntfs_create(parent, parent->security_id, wide, (u8)length,
			    is_folder ? S_IFDIR : S_IFREG);
	free(wide);
	if (!inode)
		ntfs_fail(volume, err, "making a file");
	if (entry_close(inode, parent) < 0 && inode)
		return ntfs_fail(volume, err, "making a file");
	return inode ? 0 : -1;
}

/* Stores the namespace in the only name of a new file, and in the index of the file's folder. */
static int entry_set_namespace(ntfs_inode *inode, ntfs_inode *parent, u8 name_space)
{
	NTFS_SEARCH *search = ntfs_attr_get_search_ctx(inode, NULL);
	FILE_NAME_ATTR *name = search ? ntfs_next_name(search) : NULL;
	ntfs_index_context *index = name ? ntfs_index_ctx_get(parent, NTFS_INDEX_I30, 4) : NULL;
	int result = -1;

	if (!index)
		return -1;
	if (ntfs_index_lookup(name, sizeof(*name), index) == 0) {
		((FILE_NAME_ATTR *)index->data)->file_name_type = name_space;
		name->file_name_type = name_space;
		ntfs_index_entry_mark_dirty(index);
		ntfs_inode_mark_dirty(inode);
		result = 0;
	}
	ntfs_index_ctx_put(index);
	return result;
}

int volume_ntfs_set_names(struct volume *base, const char *folder,
			  const struct volume_metadata *names, struct bs_error *err)
{
	struct volume_ntfs *volume = volume_ntfs(base);
	ntfs_inode *parent, *inode;
	int result;

	if (names->name_space == NAMESPACE_POSIX)
		return 0; /* the library creates files in this namespace */
	if (entry_open(volume, folder, names->name, &parent, &inode, err) < 0)
		return -1;
	if (names->short_name[0] != '\0') {
		/* The library closes both inodes, also on error. */
		if (ntfs_set_ntfs_dos_name(inode, parent, names->short_name,
					   strlen(names->short_name), 0) < 0)
			return ntfs_fail(volume, err, "setting a short name");
		return 0;
	}
	result = entry_set_namespace(inode, parent, (u8)names->name_space);
	if (entry_close(inode, parent) < 0 || result < 0)
		return ntfs_fail(volume, err, "setting a name's namespace");
	return 0;
}

/* Removes a file or an empty folder.  The case of `name` must be as stored. */
static int entry_remove_one(struct volume_ntfs *volume, const char *folder, const char *name,
			    struct bs_error *err)
{
	ntfs_inode *parent, *inode;
	ntfschar *wide;
	int length;

	if (entry_open(volume, folder, name, &parent, &inode, err) < 0)
		return -1;
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) {
		ntfs_inode_close(inode);
		ntfs_inode_close(parent);
		return -1;
	}
	/* ntfs_delete() closes both inodes, also on error. */
	length = ntfs_delete(volume->ntfs, NULL, inode, parent, wide, (u8)length);
	free(wide);
	return length == 0 ? 0 : ntfs_fail(volume, err, "removing a file");
}

/* Removes the content of `name` and then `name` itself. */
static int entry_remove(struct volume *volume, const char *folder, const char *name, int depth,
			uint32_t *removed, struct bs_error *err)
{
	char path[BS_PATH_MAX];
	struct volume_file *file;
	struct volume_metadata metadata;
	struct volume_entry *entries = NULL;
	size_t count = 0;
	int result = 0;

	if (depth > VOLUME_DEPTH_MAX || !volume_join(path, folder, name))
		return fail(err, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s has too many folders within folders", folder);
	if (volume_open_file(volume, path, &file, err) < 0)
		return -1;
	if (!file)
		return 0;
	result = volume_stat(file, &metadata, err);
	/* The target of a reparse point stays.  Only the reparse point is removed. */
	if (result == 0 && metadata.is_folder && !(metadata.attributes & FILE_IS_REPARSE_POINT))
		result = volume_list(file, &entries, &count, err);
	if (volume_close_file(file, err) < 0)
		result = -1;
	for (size_t i = 0; i < count && result == 0; i++)
		result = entry_remove(volume, path, entries[i].name, depth + 1, removed, err);
	free(entries);
	/* The library removes a name only in the case in which it is stored. */
	if (result == 0)
		result = entry_remove_one(volume_ntfs(volume), folder, metadata.name, err);
	if (result == 0)
		++*removed;
	return result;
}

int volume_ntfs_remove(struct volume *volume, const char *path, uint32_t *removed,
		       struct bs_error *err)
{
	char folder[BS_PATH_MAX];

	*removed = 0;
	guest_path_folder(path, folder);
	return entry_remove(volume, folder, guest_path_name(path), 0, removed, err);
}
