/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of files, each by its device and its number there, whatever its names. */
#ifndef BOOTSHIFT_BATCH_INODES_H
#define BOOTSHIFT_BATCH_INODES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util/err.h"

/* Starts as all zeros; ends with inodes_free(). */
struct inodes {
	void *root; /* of a tree of tsearch(3) */
};

/* Puts in a file; *is_new is false when it was in already.  Error: BS_NO_MEMORY. */
MUST_CHECK int inodes_add(struct inodes *inodes, const struct stat *status, bool *is_new,
			  struct bs_error *err);

bool inodes_have(const struct inodes *inodes, const struct stat *status);

void inodes_free(struct inodes *inodes);

#endif
