/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parents of an image that holds only the changes to another file.  They are only read: a fix
 * and an undo change the image itself, so a parent is never a target of a transaction.
 *
 * Which file is the parent is a claim of the image, and whoever made the image may want to see a file
 * that only others may read: what the image gets from its parent can end in its boot files.  So a
 * parent has to be a regular file in the folder of its child, and the owners of all files above it
 * have to have the right to read it.  The same is true for the files that a parent describes.  A raw
 * disk cannot gain a parent because its guest wrote a header to it: the format must be certain, not
 * only by the content.
 *
 * While a chain is open, QEMU and its tools cannot write to the parents; other images that have the
 * same parents can be fixed at the same time.
 */
#ifndef BOOTSHIFT_CHAIN_H
#define BOOTSHIFT_CHAIN_H

#include "engine/split.h"
#include "format/format.h"
#include "qemu/qemu-file.h"
#include "transaction/target.h"

struct chain_parent {
	struct target *target; /* open for reading, and locked */
	struct format format;
	struct split split; /* if the parent only describes the disk: the files that it describes */
	char window[64];    /* options of QEMU's driver, for a disk that is a range of the file */
};

/* Files that the parents describe, all together; each takes a descriptor. */
#define CHAIN_PARTS_MAX 256u

/* All zeros: an image without parents. */
struct chain {
	struct format_parent claimed;                   /* what the image says of its parent */
	struct chain_parent *parents[QEMU_PARENTS_MAX]; /* the nearest one first */
	size_t count;
	/* The same as QEMU's drivers open them. */
	struct qemu_parent files[QEMU_PARENTS_MAX];
};

/*
 * Opens, locks and checks all parents of an image with the given format.  `stated` says that the user
 * has named the format.  *chain is all zeros before.  The caller calls chain_close(), also after an
 * error.   Errors, each with the parent's path:
 * BS_PARENT_MISSING, BS_PARENT_DAMAGED (damaged, cut short, changed since its child was made, or a circle),
 * BS_PARENT_REFUSED (elsewhere, not a regular file, or not readable for the image's owner),
 * BS_CONTAINER_DIFFERENCING (a kind of parent that is not supported, or too many), BS_IN_USE,
 * BS_FORMAT_AMBIGUOUS (the image may be a raw disk), BS_NO_PERMISSION, those of reading and of qemu_check().
 */
MUST_CHECK int chain_open(struct chain *chain, const struct target *image,
			  const struct format *format, bool stated, struct bs_error *err);

/* Checks that each parent is still the same file, and unchanged.  Errors: BS_CHANGED_MEANWHILE, BS_IO. */
MUST_CHECK int chain_check_unchanged(const struct chain *chain, struct bs_error *err);

void chain_close(struct chain *chain);

#endif
