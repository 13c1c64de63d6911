/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a commit has to write and to remember: the overlay's extents, cut where the image changes
 * between data, hole and past the end.
 *
 * A file system gives and takes space in blocks.  So a block of JOURNAL_BLOCK_SIZE bytes that lies
 * wholly in a hole is taken whole, even when the overlay changed only a sector of it: the write
 * fills the block, and the undo can punch it again.  A hole that covers only a part of a block is
 * treated as data that happens to be zero.
 */
#ifndef BOOTSHIFT_TRANSACTION_RANGES_H
#define BOOTSHIFT_TRANSACTION_RANGES_H

#include "disk/overlay.h"
#include "transaction/journal.h"
#include "transaction/target.h"

/* A zone of the image that must not change between a fix and its undo. */
struct guard_zone {
	uint64_t offset, length; /* bytes of the container after the commit; any length */
};

/* Ranges in the order in which the journal records them: the image's, then the guard zones. */
struct range_list {
	struct journal_range *ranges;
	size_t count, capacity;
	size_t image_count; /* those that get written, at the front */
};

/*
 * Fills *list.  `image` is the image as staged, its length that of its status.  Errors:
 * BS_NO_MEMORY, BS_IO, those of overlay_extents(), BS_OUT_OF_RANGE for a zone past the overlay's
 * end.  ranges_free() in every case.
 */
MUST_CHECK int ranges_collect(struct overlay *overlay, const struct target *image,
			      const struct guard_zone *zones, size_t zone_count,
			      struct range_list *list, struct bs_error *err);
void ranges_free(struct range_list *list);

#endif
