/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions that walk through the files of a volume, or read a whole file. */
#ifndef BOOTSHIFT_TREE_H
#define BOOTSHIFT_TREE_H

#include "volume/volume.h"

/* A file or folder that a walk visits. */
struct tree_visit {
	const char *path;
	struct volume_file *file; /* open; the walk closes it, a folder before its content */
	const struct volume_metadata *metadata;
};

/* The walk calls this for each file or folder, a folder before its content.  A result of -1 ends
 * the walk. */
typedef int tree_visitor(void *context, const struct tree_visit *visit, struct bs_error *err);

/*
 * Visits `path` and, if `path` is a folder, all its content.  Sets *found to whether `path` exists.
 * Visits reparse points, but does not follow them.  Errors: those of the volume, and
 * BS_BOOT_FILE_UNSUPPORTED for a name that is no valid UTF-16, because bootshift cannot write such
 * a name.
 */
MUST_CHECK int tree_walk(struct volume *volume, const char *path, tree_visitor *visit,
			 void *context, bool *found, struct bs_error *err);

/*
 * Visits the folders above `path`, from the top down, without the root and without `path` itself.
 * Stops at a folder that does not exist; this is no error.
 */
MUST_CHECK int tree_walk_parents(struct volume *volume, const char *path, tree_visitor *visit,
				 void *context, struct bs_error *err);

/* Sets *found to whether `path` exists.  If so, fills in *metadata. */
MUST_CHECK int tree_stat(struct volume *volume, const char *path, bool *found,
			 struct volume_metadata *metadata, struct bs_error *err);

/*
 * Sets *count to the number of files and folders that a walk visits; 0 if `path` does not exist.
 * Error: BS_BOOT_FILE_UNSUPPORTED for more than BS_PLAN_FILES_MAX, as in a folder that contains
 * itself.
 */
MUST_CHECK int tree_count(struct volume *volume, const char *path, uint32_t *count,
			  struct bs_error *err);

/*
 * Reads the whole unnamed stream of a file.  The caller frees *content.  Sets *content to NULL if
 * `path` does not exist; this is no error.  Error: BS_BOOT_FILE_UNSUPPORTED if the stream is longer
 * than `maximum` bytes.
 */
MUST_CHECK int tree_read(struct volume *volume, const char *path, uint64_t maximum,
			 uint8_t **content, size_t *size, struct bs_error *err);

#endif
