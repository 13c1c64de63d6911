/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks through folders and passes on the files in them, in the order of find.h.
 *
 * What always holds: each folder is walked once, so a loop of symbolic links ends.  Only folders
 * are opened.  Memory holds the names of one folder for each level.
 */
#ifndef BOOTSHIFT_BATCH_FIND_WALK_H
#define BOOTSHIFT_BATCH_FIND_WALK_H

#include "batch/find.h"
#include "batch/inodes.h"

struct walk {
	bool follow;
	const struct find_patterns *include, *exclude;
	struct inodes folders; /* all folders so far */
	/*
	 * Called for each regular file that the patterns select.  `below` points to the part of
	 * `path` below the folder of the command line.
	 */
	int (*file)(void *context, const char *path, const char *below, const struct stat *status,
		    struct bs_error *err);
	/* Called for everything else.  `error` is NULL if `reason` says it all. */
	void (*left_out)(void *context, const char *path, enum find_reason reason,
			 const struct bs_error *error);
	void *context;
};

/*
 * Walks a folder.  `path` may be a symbolic link.  Errors: BS_INTERRUPTED if a signal that asks to
 * stop is pending, BS_NO_MEMORY, and those of file().
 */
MUST_CHECK int walk_folder(struct walk *walk, const char *path, struct bs_error *err);

void walk_end(struct walk *walk);

#endif
