/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of a VMDK in several files, as QEMU's driver gets it: a descriptor that we compose, and
 * the files that it names.  If the disk is the image's, each file is sparse and can grow
 * (twoGbMaxExtentSparse), and the files are ranges of one overlay.  If it is that of a parent, the files
 * may also be flat, and are only read.
 */
#ifndef BOOTSHIFT_SPLIT_H
#define BOOTSHIFT_SPLIT_H

#include "disk/overlay.h"
#include "format/vmdk.h"
#include "qemu/qemu-file.h"
#include "transaction/target.h"
#include "util/range.h"

struct split {
	struct vmdk_extents extents; /* empty: the disk is in one file */
	struct qemu_part *parts;     /* of the extents; NULL until split_open() */
	struct disk *nothing;        /* below the descriptor */
	struct overlay *descriptor;
	uint64_t grain_size; /* of split_check_tables(): the greatest grain of all files, bytes */
	struct range_vector growths; /* of split_list_growths() */
};

/*
 * Shows the files of the target, which is a set of these extents.  The overlay lies over its disk; NULL:
 * the files are only read.  The names of the files that QEMU's driver sees begin with `prefix`.  The
 * caller has set split->extents, and calls split_free(), also after an error.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int split_open(struct split *split, const struct target *target,
			  const struct format *format, struct overlay *overlay, const char *prefix,
			  struct bs_error *err);

/*
 * Checks the headers and the tables of all sparse files.  Errors: those of vmdk_check_part() and of
 * format_check_tables(); BS_FORMAT_UNREADABLE if a file but the last one does not end with a whole grain.
 */
MUST_CHECK int split_check_tables(struct split *split, struct bs_error *err);

/*
 * Checks that whole grains of all files can be written: QEMU's driver copies the rest of a grain from a
 * wrong place of the parent if the grain is not in the first file (get_cluster_offset() of
 * block/vmdk.c; seen with QEMU 7.2).  Error: BS_FORMAT_UNSUPPORTED.
 */
MUST_CHECK int split_check_grains(const struct split *split, struct bs_error *err);

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
