/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the journal from the staged overlay: collects the ranges of the image that a commit will
 * write, writes the journal under its temporary name, makes it durable, and renames it.  The caller
 * does not change the image before publish_rename() has returned 0.
 *
 * The ranges are the extents that changed in the overlay, cut where the image changes between data,
 * hole and past the end.  A file system allocates and frees space in blocks.  So if a block of
 * JOURNAL_BLOCK_SIZE bytes lies wholly in a hole, the whole block becomes a range, even if only one
 * of its sectors changed: the write fills the block, and the undo can punch it out.  A hole that
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
	struct journal_ranges ranges; /* in the journal's order: first the image's, then guards */
	size_t image_count;           /* number of the image's ranges, which the commit writes */
};

/*
 * Fills *list.  `image` was opened before the staging began; `growths` are what its files get at
 * their ends (ends.h); `zones` are ranges of the new image, of any length, that must not change
 * between the fix and its undo.  Errors: BS_NO_MEMORY, BS_IO, those of overlay_extents(),
 * BS_OUT_OF_RANGE for a zone past the overlay's end, BS_FORMAT_UNSUPPORTED for bytes behind the new
 * end of a file.  The caller frees list->ranges, also on error.
 */
MUST_CHECK int publish_collect(struct overlay *overlay, const struct target *image,
			       const struct range_vector *growths, const struct range *zones,
			       size_t zone_count, struct range_list *list, struct bs_error *err);

/* The bytes of the journal that publish_write() would write. */
uint64_t publish_size(const struct range_list *list);

/* The bytes that the commit makes the image longer by, on its file system: it also fills holes. */
uint64_t publish_growth(const struct range_list *list);

/*
 * Removes the temporary file of an earlier attempt, if there is one.  That attempt did not change
 * the image.  Errors: BS_NOT_TRUSTED, BS_NO_PERMISSION, BS_IO.
 */
MUST_CHECK int publish_remove_temporary(const struct place *place, struct bs_error *err);

/*
 * Reserves the space of the temporary file, then writes and syncs it.  Reads the bytes before from
 * the place's target and the bytes after from the disk `after`.  The caller has filled *header,
 * except for the numbers that depend on the ranges: the function sets these.  On error it removes
 * the file.
 */
MUST_CHECK int publish_write(const struct place *place, const struct range_list *list,
			     struct disk *after, struct journal_header *header,
			     struct bs_error *err);

/*
 * Renames the temporary file to the journal's name.  *published: the rename succeeded, even if the
 * function fails afterwards.  If the rename fails, the function removes the temporary file.
 */
MUST_CHECK int publish_rename(const struct place *place, bool *published, struct bs_error *err);

#endif
