/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/inodes.h"

#include <search.h>
#include <stdlib.h>

struct inode {
	dev_t device;
	ino_t number;
};

static int inode_compare(const void *one, const void *other)
{
	const struct inode *a = one, *b = other;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return 0;
}

int inodes_add(struct inodes *inodes, const struct stat *status, bool *is_new, struct bs_error *err)
{
	struct inode *inode = malloc(sizeof(*inode));
	struct inode *const *node = NULL;

	if (inode) {
		*inode = (struct inode){status->st_dev, status->st_ino};
		node = tsearch(inode, &inodes->root, inode_compare);
	}
	*is_new = node && *node == inode;
	if (!*is_new)
		free(inode);
	return node ? 0 : fail_memory(err);
}

bool inodes_have(const struct inodes *inodes, const struct stat *status)
{
	const struct inode inode = {status->st_dev, status->st_ino};

	return tfind(&inode, &inodes->root, inode_compare) != NULL;
}

void inodes_free(struct inodes *inodes)
{
	tdestroy(inodes->root, free);
	inodes->root = NULL;
}
