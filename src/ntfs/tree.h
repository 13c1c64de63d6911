/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the files of a volume, and reading one whole. */
#ifndef BOOTSHIFT_TREE_H
#define BOOTSHIFT_TREE_H

#include "ntfs/volume.h"

/* A file or folder that a walk has come to. */
struct tree_visit {
	const char *path;
	struct volume_file *file; /* open; the walk closes it, a folder before going into it */
	const struct volume_metadata *metadata;
};

/* Called for each file or folder, a folder before what is in it.  A result of -1 ends the walk. */
typedef int tree_visitor(void *context, const struct tree_visit *visit, struct bs_error *err);

/*
 * Visits `path` and, when it is a folder, all that is in it.  *found tells whether there is such
 * a file at all.  Reparse points are visited, not followed.  Error, besides those of the volume:
 * BS_BOOT_FILE_UNSUPPORTED for a name that is no valid UTF-16, which cannot be written here.
 */
MUST_CHECK int tree_walk(struct volume *volume, const char *path, tree_visitor *visit,
			 void *context, bool *found, struct bs_error *err);

/*
 * Visits what is on the way to `path`, from the top on, the root and `path` itself not; ends where
 * there is nothing more.
 */
MUST_CHECK int tree_walk_parents(struct volume *volume, const char *path, tree_visitor *visit,
				 void *context, struct bs_error *err);

/* *found = whether there is such a file; if so, fills in *metadata. */
MUST_CHECK int tree_stat(struct volume *volume, const char *path, bool *found,
			 struct volume_metadata *metadata, struct bs_error *err);

/*
 * *count = the files and folders that a walk visits; 0 when there is no such file.  Errors:
 * BS_BOOT_FILE_UNSUPPORTED when there are more than BS_PLAN_FILES_MAX, as in a folder that leads to
 * itself.
 */
MUST_CHECK int tree_count(struct volume *volume, const char *path, uint32_t *count,
			  struct bs_error *err);

/*
 * Reads a file's unnamed stream whole; the caller frees *content.  Errors: BS_BOOT_FILE_UNSUPPORTED
 * when it is longer than `maximum`.  *content = NULL and no error when there is no such file.
 */
MUST_CHECK int tree_read(struct volume *volume, const char *path, uint64_t maximum,
			 uint8_t **content, size_t *size, struct bs_error *err);

#endif
