/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of a VMDK in several sparse files, each of which can grow (twoGbMaxExtentSparse).  QEMU's
 * driver sees these files as ranges of one overlay, and a descriptor that names nothing else.
 */
#ifndef BOOTSHIFT_SPLIT_H
#define BOOTSHIFT_SPLIT_H

#include "disk/overlay.h"
#include "format/vmdk.h"
#include "qemu/qemu-file.h"
#include "transaction/target.h"
#include "util/range.h"

struct split {
	struct vmdk_extents extents; /* empty: the image is no such disk */
	struct qemu_part *parts;     /* of the extents; NULL until split_open() */
	struct disk *nothing;        /* below the descriptor */
	struct overlay *descriptor;
	struct range_vector growths; /* of split_list_growths() */
};

/*
 * Shows the files of the target, which is a set of these extents, as parts of the overlay over its
 * disk.  The caller has set split->extents, and calls split_free(), also after an error.  Errors:
 * BS_NO_MEMORY.
 */
MUST_CHECK int split_open(struct split *split, const struct target *target, struct overlay *overlay,
			  struct bs_error *err);

/*
 * Checks the headers and the tables of all files, as the overlay has them.  Errors: those of
 * vmdk_check_part() and of format_check_tables().
 */
MUST_CHECK int split_check_tables(const struct split *split, struct bs_error *err);

/* Makes the files end where they ended before a fix; see transaction_show_before(). */
void split_take_away(struct split *split, const struct range_vector *growths);

/*
 * Sets split->growths to what was added at the ends of the target's files since it was opened
 * (transaction/ends.h).  Errors: BS_FORMAT_UNSUPPORTED if a file has become shorter, BS_NO_MEMORY.
 */
MUST_CHECK int split_list_growths(struct split *split, const struct target *target,
				  struct bs_error *err);

/* Appends the start of each file, where its header and its tables are.  Error: BS_NO_MEMORY. */
MUST_CHECK int split_add_heads(const struct split *split, struct range_vector *found,
			       struct bs_error *err);

/* Frees all but the overlay over the disk, which must be closed later.  Makes *split zeros. */
void split_free(struct split *split);

#endif
