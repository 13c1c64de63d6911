/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the staged overlay to a journal with its name: collects the ranges of the image that a commit
 * will write, writes the journal under its temporary name, makes it durable, and renames it.  Until
 * publish_rename() has returned 0 the image has not been touched and must not be.
 *
 * The ranges are the extents that changed in the overlay, cut where the image changes between data,
 * hole and past the end.  A file system allocates and frees space in blocks.  So if a block of
 * JOURNAL_BLOCK_SIZE bytes lies wholly in a hole, the whole block becomes a range, even if only one
 * of its sectors changed: the write fills the block, and the undo can punch it again.  A hole that
 * covers only a part of a block is treated as data that happens to be zero.
 */
#ifndef BOOTSHIFT_TRANSACTION_PUBLISH_H
#define BOOTSHIFT_TRANSACTION_PUBLISH_H

#include "disk/overlay.h"
#include "transaction/journal.h"
#include "transaction/place.h"
#include "util/range.h"

DEFINE_VECTOR(journal_ranges, struct journal_range);

struct range_list {
	struct journal_ranges ranges; /* in the order of the journal: the image's, then guards */
	size_t image_count;           /* the number of the image's ranges, which are written */
};

/*
 * Fills *list.  `image` is the image when the staging began; `zones` are ranges of the new image, of
 * any length, that must not change between the fix and its undo.  Errors: BS_NO_MEMORY, BS_IO,
 * those of overlay_extents(), BS_OUT_OF_RANGE for a zone past the overlay's end.  The caller frees
 * list->ranges, also on error.
 */
MUST_CHECK int publish_collect(struct overlay *overlay, const struct target *image,
			       const struct range *zones, size_t zone_count,
			       struct range_list *list, struct bs_error *err);

/*
 * Removes the temporary file of an earlier attempt, if there is one.  Such a file was never used:
 * the image has not changed.  Errors: BS_NOT_TRUSTED, BS_NO_PERMISSION, BS_IO.
 */
MUST_CHECK int publish_remove_temporary(const struct place *place, struct bs_error *err);

/*
 * Writes and syncs the temporary file, after all of its space was reserved.  The bytes before are
 * read from the place's target, the bytes after from the disk `after`.  The caller has filled
 * *header; the numbers that follow from the ranges are set here.  On error the file is removed.
 */
MUST_CHECK int publish_write(const struct place *place, const struct range_list *list,
			     struct disk *after, struct journal_header *header,
			     struct bs_error *err);

/*
 * Renames the temporary file.  *published: the journal has its name, also on error; if it does not,
 * the temporary file is removed.
 */
MUST_CHECK int publish_rename(const struct place *place, bool *published, struct bs_error *err);

#endif
