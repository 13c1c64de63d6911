/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of an overlay, for overlay.c and overlay-extents.c only.
 *
 * All bytes of a block in the map are in the store.  Any other block reads as the disk below, but
 * only up to `below_end`, the smallest size that the view has had.  From `below_end` on such a
 * block reads as zeros, even where the disk below has bytes, because a resize has cut these bytes
 * off.  What always holds:
 *
 *   below_end <= size of the view, below_end <= size of the disk below,
 *   no block in the map lies wholly beyond the size of the view.
 */
#ifndef BOOTSHIFT_OVERLAY_VIEW_H
#define BOOTSHIFT_OVERLAY_VIEW_H

#include <pthread.h>

#include "disk/block-map.h"
#include "disk/block-store.h"
#include "disk/overlay.h"

struct overlay {
	struct disk disk;
	struct disk *below;
	uint64_t below_end;
	struct block_map map;
	struct block_store store;
	bool watching;               /* reads are recorded in `watched` */
	struct range_vector watched; /* in the order of the reads */
	pthread_mutex_t lock;        /* protects all fields above */
};

/* Returns how many blocks `size` bytes take, rounded up. */
static inline uint64_t overlay_block_count(uint64_t size)
{
	return size / OVERLAY_BLOCK_SIZE + (size % OVERLAY_BLOCK_SIZE != 0);
}

/*
 * Locks and unlocks.  With assertions, both check what always holds.  The blocks of the map are
 * checked only when the overlay is closed.
 */
void overlay_lock(struct overlay *overlay);
void overlay_unlock(struct overlay *overlay);

/* Reads a range that lies within the view.  The caller holds the lock. */
MUST_CHECK int overlay_view_read(struct overlay *overlay, uint64_t offset, void *buffer,
				 size_t length, struct bs_error *err);

#endif
