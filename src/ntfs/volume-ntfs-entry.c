/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume over libntfs-3g: making and removing what folders hold, and its names in them. */
#include "ntfs/volume-ntfs.h"

int volume_create(struct volume *volume, const char *folder, const char *name, bool is_folder,
		  struct bs_error *err)
{
	ntfs_inode *parent, *inode = NULL;
	ntfschar *wide;
	int length, result = 0;

	if (ntfs_open_path(volume, folder, &parent, NULL, err) < 0)
		return -1;
	if (parent == NULL)
		return fail(err, BS_NTFS, "the folder %s is missing", folder);
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) {
		ntfs_inode_close(parent);
		return -1;
	}
	/* With a security id the file gets today's STANDARD_INFORMATION; without one the library
	 * would add a descriptor that lets everyone write.  The right one is set later. */
	inode = ntfs_create(parent, parent->security_id, wide, (u8)length,
			    is_folder ? S_IFDIR : S_IFREG);
	free(wide);
	if (inode == NULL)
		result = ntfs_fail(volume, err, "making a file");
	else if (ntfs_inode_close_in_dir(inode, parent) < 0)
		result = ntfs_fail(volume, err, "making a file");
	if (ntfs_inode_close(parent) < 0 && result == 0)
		result = ntfs_fail(volume, err, "making a file");
	return result;
}

/* Opens a folder and an entry of it; the caller closes both. */
static int open_pair(struct volume *volume, const char *folder, const char *name,
		     ntfs_inode **parent, ntfs_inode **inode, struct bs_error *err)
{
	char path[BS_PATH_MAX];

	if (!volume_join(path, folder, name))
		return fail(err, BS_NTFS, "too long a path");
	if (ntfs_open_path(volume, path, inode, NULL, err) < 0)
		return -1;
	if (*inode == NULL)
		return fail(err, BS_NTFS, "%s is missing", path);
	if (ntfs_open_path(volume, folder, parent, NULL, err) < 0) {
		ntfs_inode_close(*inode);
		return -1;
	}
	if (*parent == NULL) {
		ntfs_inode_close(*inode);
		return fail(err, BS_NTFS, "the folder %s is missing", folder);
	}
	return 0;
}

/* Stores the namespace in the only name of a new file and in its folder's index. */
static int set_namespace(ntfs_inode *inode, ntfs_inode *parent, u8 name_space)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(inode, NULL);
	ntfs_index_context *index = NULL;
	FILE_NAME_ATTR *name;
	int result = -1;

	if (search == NULL)
		return -1;
	if (ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search) < 0)
		goto out;
	name = (FILE_NAME_ATTR *)((u8 *)search->attr + le16_to_cpu(search->attr->value_offset));
	index = ntfs_index_ctx_get(parent, NTFS_INDEX_I30, 4);
	if (index == NULL || ntfs_index_lookup(name, sizeof(*name), index) < 0)
		goto out;
	((FILE_NAME_ATTR *)index->data)->file_name_type = name_space;
	name->file_name_type = name_space;
	ntfs_index_entry_mark_dirty(index);
	ntfs_inode_mark_dirty(inode);
	result = 0;
out:
	if (index != NULL)
		ntfs_index_ctx_put(index);
	ntfs_attr_put_search_ctx(search);
	return result;
}

int volume_set_names(struct volume *volume, const char *folder, const struct volume_metadata *names,
		     struct bs_error *err)
{
	ntfs_inode *parent, *inode;
	int result;

	if (names->name_space == NAMESPACE_POSIX)
		return 0; /* as it was made */
	if (open_pair(volume, folder, names->name, &parent, &inode, err) < 0)
		return -1;
	if (names->short_name[0] != '\0') {
		/* Closes both, whatever happens. */
		if (ntfs_set_ntfs_dos_name(inode, parent, names->short_name,
					   strlen(names->short_name), 0) < 0)
			return ntfs_fail(volume, err, "setting a short name");
		return 0;
	}
	result = set_namespace(inode, parent, (u8)names->name_space);
	if (ntfs_inode_close_in_dir(inode, parent) < 0)
		result = -1;
	if (ntfs_inode_close(parent) < 0)
		result = -1;
	return result == 0 ? 0 : ntfs_fail(volume, err, "setting a name's namespace");
}

/* Removes the file `name` of `folder`, or the folder that is empty by now. */
static int remove_one(struct volume *volume, const char *folder, const char *name,
		      struct bs_error *err)
{
	ntfs_inode *parent, *inode;
	ntfschar *wide;
	int length;

	if (open_pair(volume, folder, name, &parent, &inode, err) < 0)
		return -1;
	length = ntfs_name_from_utf8(volume, name, &wide, err);
	if (length < 0) {
		ntfs_inode_close(inode);
		ntfs_inode_close(parent);
		return -1;
	}
	/* Closes both, whatever happens. */
	length = ntfs_delete(volume->ntfs, NULL, inode, parent, wide, (u8)length);
	free(wide);
	return length == 0 ? 0 : ntfs_fail(volume, err, "removing a file");
}

static int remove_tree(struct volume *volume, const char *folder, const char *name, int depth,
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
	if (file == NULL)
		return 0;
	result = volume_stat(file, &metadata, err);
	/* What a reparse point leads to is not in the folder: the point itself goes. */
	if (result == 0 && metadata.is_folder && !(metadata.attributes & FILE_IS_REPARSE_POINT))
		result = volume_list(file, &entries, &count, err);
	if (volume_close_file(file, err) < 0)
		result = -1;
	for (size_t i = 0; i < count && result == 0; i++)
		result = remove_tree(volume, path, entries[i].name, depth + 1, removed, err);
	free(entries);
	/* The library finds a name to remove only as it is stored, not in another case. */
	if (result == 0)
		result = remove_one(volume, folder, metadata.name, err);
	if (result == 0)
		++*removed;
	return result;
}

int volume_remove(struct volume *volume, const char *path, uint32_t *removed, struct bs_error *err)
{
	const char *name = strrchr(path, '\\') + 1;
	char folder[BS_PATH_MAX];

	*removed = 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - path - 1), path);
	return remove_tree(volume, folder[0] != '\0' ? folder : "\\", name, 0, removed, err);
}
