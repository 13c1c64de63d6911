/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of files, identified by device and inode number, so that several names are one file. */
#ifndef BOOTSHIFT_BATCH_INODES_H
#define BOOTSHIFT_BATCH_INODES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util/err.h"

/* Starts as all zeros; ends with inodes_free(). */
struct inodes {
	void *root; /* of a tsearch(3) tree */
};

/* Adds a file; *is_new is false if the set has it already.  Error: BS_NO_MEMORY. */
MUST_CHECK int inodes_add(struct inodes *inodes, const struct stat *status, bool *is_new,
			  struct bs_error *err);

bool inodes_have(const struct inodes *inodes, const struct stat *status);

void inodes_free(struct inodes *inodes);

#endif
