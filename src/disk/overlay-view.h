/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of an overlay, for overlay.c and overlay-extents.c only.
 *
 * A block is either in the map, and then all its bytes are in the store, or it reads as the disk
 * below.  "The disk below" ends for the overlay at `below_end`: the smallest size that the view
 * has had.  From there on a block that is not in the map reads as zeros, because what was cut off
 * is forgotten, even where the disk below still has bytes.  What always holds:
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
	bool watching;               /* what is read is recorded in `watched` */
	struct range_vector watched; /* in the order of the reads */
	pthread_mutex_t lock;        /* of all the above */
};

/* How many blocks `size` bytes take, the last one maybe in part. */
static inline uint64_t overlay_block_count(uint64_t size)
{
	return size / OVERLAY_BLOCK_SIZE + (size % OVERLAY_BLOCK_SIZE != 0);
}

/*
 * Locks and unlocks.  Builds with assertions check what always holds, except for the single blocks:
 * they are checked when the overlay is closed.
 */
void overlay_lock(struct overlay *overlay);
void overlay_unlock(struct overlay *overlay);

/* Reads the view; the range lies within it, and the caller holds the lock. */
MUST_CHECK int overlay_view_read(struct overlay *overlay, uint64_t offset, void *buffer,
				 size_t length, struct bs_error *err);

#endif
