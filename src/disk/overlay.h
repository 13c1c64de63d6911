/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay: a copy-on-write view of a disk.  Writes stay in the overlay, and a block is read
 * from the disk below until it is written.  The overlay never writes to the disk below by itself.
 *
 * Changed blocks are kept in memory up to a limit and in an unlinked temporary file beyond it.
 * The overlay lists its changes as extents for the commit, and counts written sectors for the plan
 * that a person reads.  The overlay can also record which bytes are read.
 *
 * Several threads may use an overlay: each function, and each read and write of its disk, holds a
 * lock from beginning to end.  Only the size is read without the lock, so while one thread changes
 * the size (overlay_resize, overlay_reset), no other thread may read or write.
 */
#ifndef BOOTSHIFT_OVERLAY_H
#define BOOTSHIFT_OVERLAY_H

#include <stdbool.h>

#include "disk/disk.h"
#include "util/range.h"

#define OVERLAY_BLOCK_SIZE 4096u /* bytes; the unit of copying (changes are counted in sectors) */

struct overlay;

/*
 * Opens an overlay over `below`, which must outlive it.  `memory_limit` is in bytes.  Blocks beyond
 * the limit go to a temporary file in `spill_directory` (NULL: $TMPDIR or /tmp), which is made when
 * it is first needed.  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct overlay *overlay_open(struct disk *below, uint64_t memory_limit,
					const char *spill_directory, struct bs_error *err);

/* The overlay as a disk; disk_close() on this disk frees the overlay. */
struct disk *overlay_disk(struct overlay *overlay);

/*
 * Makes the view longer or shorter.  Bytes beyond the size of the disk below read as zeros until
 * they are written.  Bytes that are cut off are lost: when the view grows again, they read as
 * zeros, whatever the disk below has.  On error the view is unchanged: BS_NO_MEMORY,
 * BS_OUT_OF_RANGE for a size of 2^63 or more, BS_IO and BS_NO_SPACE of the temporary file.
 */
MUST_CHECK int overlay_resize(struct overlay *overlay, uint64_t size, struct bs_error *err);

/*
 * Makes a range read as zeros.  Unwritten blocks beyond the end of the disk below already read as
 * zeros and are not written.  Errors: BS_OUT_OF_RANGE, and the errors of a write.
 */
MUST_CHECK int overlay_zero(struct overlay *overlay, uint64_t offset, uint64_t length,
			    struct bs_error *err);

/*
 * Lists the extents that differ from the disk below, sorted by offset.  They do not overlap, and
 * touch only where a joined extent would exceed `maximum_length` (a multiple of the block size).
 * They consist of whole sectors whose bytes differ; the last extent may end in mid-sector with the
 * disk.  Beyond its end the disk below counts as zeros, like a lengthened file, so that zeros there
 * are no extents and fill no hole.  Cutting or lengthening the disk below to the size of the view
 * and writing the extents makes it equal to the view.  *extents is overwritten; the caller frees
 * it.  Errors: BS_NO_MEMORY, and the errors of reading the disk below or the temporary file.
 */
MUST_CHECK int overlay_extents(struct overlay *overlay, uint64_t maximum_length,
			       struct range_vector *extents, struct bs_error *err);

/*
 * Proves that `disk`, the disk below after the extents were written to it, is equal to the view: it
 * has the same size, and the same bytes in every block that was ever written or cut off.  It does
 * not matter which of these blocks overlay_extents() lists.  Errors: BS_VERIFY, BS_NO_MEMORY, and
 * the errors of reading `disk` or the temporary file.
 */
MUST_CHECK int overlay_check_written(struct overlay *overlay, struct disk *disk,
				     struct bs_error *err);

/* The greatest request of overlay_copy_written(), bytes. */
#define OVERLAY_COPY_SIZE (2u << 20)

/*
 * Writes to `disk` every sector that was ever written in the view, in the order of their offsets
 * and in few requests.  Each request has whole units of `unit` bytes, a power of two of at most
 * OVERLAY_COPY_SIZE, or ends with the disk: what is missing in a unit is read from the view.  `disk` is
 * at least as long as the view.  Errors: BS_NO_MEMORY, and the errors of writing `disk` and of reading
 * the overlay.
 */
MUST_CHECK int overlay_copy_written(struct overlay *overlay, uint64_t unit, struct disk *disk,
				    struct bs_error *err);

/*
 * Returns how many sectors were written since the last call of this function (or since
 * overlay_open()), whether or not their bytes changed.  Each sector counts once.
 */
uint64_t overlay_take_written_sectors(struct overlay *overlay);

/*
 * Starts or stops recording which bytes of the view are read, and drops earlier records.  A
 * container's format driver reads through the overlay.  So when the caller reads a part of the
 * guest's disk through the driver, the record tells where in the container this part lies.
 */
void overlay_watch(struct overlay *overlay, bool on);

/*
 * Lists the ranges that were read since overlay_watch() or the last call, sorted by offset; no
 * range touches another.  Recording goes on.  *ranges is overwritten; the caller frees it.
 */
void overlay_take_watched(struct overlay *overlay, struct range_vector *ranges);

/* Drops every change, also changes of the size. */
void overlay_reset(struct overlay *overlay);

#endif
