/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks through folders and shows the files in them, in the order of find.h.
 *
 * What always holds: a folder is walked once, so that symbolic links make no loop; nothing but
 * folders is opened; one folder's names are in memory at a time, for each level.
 */
#ifndef BOOTSHIFT_BATCH_FIND_WALK_H
#define BOOTSHIFT_BATCH_FIND_WALK_H

#include "batch/find.h"
#include "batch/inodes.h"

struct walk {
	bool follow;
	const struct find_patterns *include, *exclude;
	struct inodes folders; /* those that were walked */
	/* Gets each file that the patterns let through; `below` leads into `path`. */
	int (*file)(void *context, const char *path, const char *below, const struct stat *status,
		    struct bs_error *err);
	/* Gets the others; `error` is NULL where there is nothing more to say. */
	void (*left_out)(void *context, const char *path, enum find_reason reason,
			 const struct bs_error *error);
	void *context;
};

/*
 * Walks a folder, to which `path` may lead by symbolic links.  Errors: BS_INTERRUPTED, when a
 * signal is held that asks to stop, BS_NO_MEMORY, and file()'s.
 */
MUST_CHECK int walk_folder(struct walk *walk, const char *path, struct bs_error *err);

void walk_end(struct walk *walk);

#endif
