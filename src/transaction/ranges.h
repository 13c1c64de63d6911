/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ranges of the image that a commit records in the journal and writes: the extents that changed
 * in the overlay, cut where the image changes between data, hole and past the end.
 *
 * A file system allocates and frees space in blocks.  So if a block of JOURNAL_BLOCK_SIZE bytes lies
 * wholly in a hole, the whole block becomes a range, even if only one of its sectors changed: the
 * write fills the block, and the undo can punch it again.  A hole that covers only a part of a block
 * is treated as data that happens to be zero.
 */
#ifndef BOOTSHIFT_TRANSACTION_RANGES_H
#define BOOTSHIFT_TRANSACTION_RANGES_H

#include "disk/overlay.h"
#include "transaction/journal.h"
#include "transaction/target.h"
#include "util/vector.h"

/* A zone of the image that must not change between a fix and its undo. */
struct guard_zone {
	uint64_t offset, length; /* bytes of the container after the commit; any length */
};

DEFINE_VECTOR(journal_ranges, struct journal_range);

struct range_list {
	struct journal_ranges ranges; /* in the order of the journal: the image's, then guards */
	size_t image_count;           /* the number of the image's ranges, which are written */
};

/*
 * Fills *list.  `image` is the image when the staging began.  Errors: BS_NO_MEMORY, BS_IO, those of
 * overlay_extents(), BS_OUT_OF_RANGE for a zone past the overlay's end.  The caller frees
 * list->ranges, also on error.
 */
MUST_CHECK int ranges_collect(struct overlay *overlay, const struct target *image,
			      const struct guard_zone *zones, size_t zone_count,
			      struct range_list *list, struct bs_error *err);

#endif
