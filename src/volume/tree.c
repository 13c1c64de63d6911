/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "volume/tree.h"

#include <string.h>

#include "volume/scoped.h"

struct walk {
	struct volume *volume;
	tree_visitor *visit;
	void *context;
};

/* Visits one file or folder.  Sets *entries to a folder's entries, which are visited next. */
static int tree_visit_one(const struct walk *walk, const char *path, struct volume_entry **entries,
			  size_t *count, bool *found, struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	struct volume_metadata metadata;
	struct tree_visit visit = {.path = path, .metadata = &metadata};

	*entries = NULL;
	*count = 0;
	if (volume_open_file(walk->volume, path, &file, err) < 0)
		return -1;
	*found = file != NULL;
	if (!file)
		return 0;
	visit.file = file;
	if (volume_stat(file, &metadata, err) < 0 || walk->visit(walk->context, &visit, err) < 0)
		return -1;
	return metadata.is_folder && !(metadata.attributes & FILE_IS_REPARSE_POINT)
		       ? volume_list(file, entries, count, err)
		       : 0;
}

/* volume_list() replaces lone surrogates by U+FFFD.  A lookup by such a name finds nothing. */
static int tree_not_found(const char *path, struct bs_error *err)
{
	if (strstr(strrchr(path, '\\'), "\xEF\xBF\xBD") != NULL)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s has a name that is not valid Unicode", path);
	return fail(err, BS_NTFS_DAMAGED, "%.400s is in its folder and is not there", path);
}

static int tree_walk_from(const struct walk *walk, const char *path, int depth, bool *found,
			  struct bs_error *err)
{
	struct volume_entry *entries;
	size_t count;
	int result;

	if (depth > VOLUME_DEPTH_MAX)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED,
			    "%.400s lies in more than %d folders within folders", path,
			    VOLUME_DEPTH_MAX);
	result = tree_visit_one(walk, path, &entries, &count, found, err);
	for (size_t i = 0; i < count && result == 0; i++) {
		char child[BS_PATH_MAX];
		bool child_found = false;

		if (!volume_join(child, path, entries[i].name))
			result = fail(err, BS_BOOT_FILE_UNSUPPORTED,
				      "%.400s has names in it that make too long a path", path);
		else
			result = tree_walk_from(walk, child, depth + 1, &child_found, err);
		if (result == 0 && !child_found)
			result = tree_not_found(child, err);
	}
	free(entries);
	return result;
}

int tree_walk(struct volume *volume, const char *path, tree_visitor *visit, void *context,
	      bool *found, struct bs_error *err)
{
	const struct walk walk = {.volume = volume, .visit = visit, .context = context};

	*found = false;
	return tree_walk_from(&walk, path, 0, found, err);
}

int tree_walk_parents(struct volume *volume, const char *path, tree_visitor *visit, void *context,
		      struct bs_error *err)
{
	const char *end = strchr(path + 1, '\\');
	char parent[BS_PATH_MAX];

	for (; end; end = strchr(end + 1, '\\')) {
		SCOPED_FILE *file = NULL;
		struct volume_metadata metadata;
		struct tree_visit parent_visit = {.path = parent, .metadata = &metadata};

		memcpy(parent, path, (size_t)(end - path));
		parent[end - path] = '\0';
		if (volume_open_file(volume, parent, &file, err) < 0)
			return -1;
		if (!file)
			return 0;
		parent_visit.file = file;
		if (volume_stat(file, &metadata, err) < 0 || visit(context, &parent_visit, err) < 0)
			return -1;
	}
	return 0;
}

int tree_stat(struct volume *volume, const char *path, bool *found,
	      struct volume_metadata *metadata, struct bs_error *err)
{
	SCOPED_FILE *file = NULL;

	if (volume_open_file(volume, path, &file, err) < 0)
		return -1;
	*found = file != NULL;
	return file ? volume_stat(file, metadata, err) : 0;
}

static int tree_count_one(void *context, const struct tree_visit *visit, struct bs_error *err)
{
	(void)visit;
	if (++*(uint32_t *)context > BS_PLAN_FILES_MAX)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED,
			    "one of the folders that move or are replaced holds more than %d files",
			    BS_PLAN_FILES_MAX);
	return 0;
}

int tree_count(struct volume *volume, const char *path, uint32_t *count, struct bs_error *err)
{
	bool found;

	*count = 0;
	return tree_walk(volume, path, tree_count_one, count, &found, err);
}

int tree_read(struct volume *volume, const char *path, uint64_t maximum, uint8_t **content,
	      size_t *size, struct bs_error *err)
{
	SCOPED_FILE *file = NULL;
	SCOPED uint8_t *bytes = NULL;
	struct volume_metadata metadata;

	*content = NULL;
	*size = 0;
	if (volume_open_file(volume, path, &file, err) < 0)
		return -1;
	if (!file)
		return 0;
	if (volume_stat(file, &metadata, err) < 0)
		return -1;
	if (metadata.size > maximum)
		return fail(err, BS_BOOT_FILE_UNSUPPORTED, "%s is too large", path);
	bytes = malloc(metadata.size + 1);
	if (!bytes)
		return fail_memory(err);
	if (volume_read(file, "", 0, bytes, metadata.size, err) < 0)
		return -1;
	*content = bytes;
	*size = metadata.size;
	bytes = NULL;
	return 0;
}
