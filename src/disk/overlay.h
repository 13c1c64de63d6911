/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay: a copy-on-write view of a disk.  Reads come from the disk below until a block has
 * been written; writes stay here.  The disk below is never written.
 *
 * Changed blocks are kept in memory up to a limit and in an unlinked temporary file beyond it.
 * The overlay knows what changed: as extents for the commit, and as a count of sectors for the
 * plan that a person reads.  And it can record what is read.
 *
 * An overlay may be used by several threads: each function, and each read and write of its disk, is
 * done as a whole while the others wait.  Only its size is looked at without waiting, so while one
 * thread changes that (overlay_resize, overlay_reset), no other one may read or write.
 */
#ifndef BOOTSHIFT_OVERLAY_H
#define BOOTSHIFT_OVERLAY_H

#include <stdbool.h>

#include "disk/disk.h"
#include "util/range.h"

#define OVERLAY_BLOCK_SIZE 4096u /* unit of copying, bytes; that of counting is a sector */

struct overlay;

/*
 * Lays an overlay over `below`, which must outlive it.  `memory_limit` is in bytes; what does not
 * fit goes to a temporary file in `spill_directory` (NULL: $TMPDIR or /tmp), made when needed
 * first.  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct overlay *overlay_open(struct disk *below, uint64_t memory_limit,
					const char *spill_directory, struct bs_error *err);

/* The overlay as a disk; freed with disk_close() on it. */
struct disk *overlay_disk(struct overlay *overlay);

/*
 * Makes the view longer or shorter.  Bytes beyond the size of the disk below read as zeros until
 * they are written.  What is cut off is forgotten: when the view grows again it has zeros there,
 * whatever the disk below has.  On error nothing has changed: BS_NO_MEMORY, BS_OUT_OF_RANGE for a
 * size of 2^63 and more, BS_IO and BS_NO_SPACE of the temporary file.
 */
MUST_CHECK int overlay_resize(struct overlay *overlay, uint64_t size, struct bs_error *err);

/*
 * Makes a range read as zeros.  What reads as zeros already because it lies beyond the end of the
 * disk below stays unwritten.  Errors: BS_OUT_OF_RANGE, and those of a write.
 */
MUST_CHECK int overlay_zero(struct overlay *overlay, uint64_t offset, uint64_t length,
			    struct bs_error *err);

/*
 * The extents that differ from the disk below: sorted by offset, never overlapping, touching only
 * where a longer one would exceed `maximum_length` (a multiple of the block size).  They are whole
 * sectors, except that the last one may end with the disk, and only sectors whose bytes really
 * differ.  Beyond its end the disk below counts as zeros, as the end of a file does that was made
 * longer, so zeros there fill no hole.  So the disk below, cut or lengthened to the size of the
 * view and with the extents written to it, is the view.  The caller frees *extents, which is made
 * anew.  Errors: BS_NO_MEMORY, and those of reading either disk.
 */
MUST_CHECK int overlay_extents(struct overlay *overlay, uint64_t maximum_length,
			       struct range_vector *extents, struct bs_error *err);

/*
 * The number of different sectors written since the last call of this function (or since
 * overlay_open()), whether or not their bytes changed.
 */
uint64_t overlay_take_written_sectors(struct overlay *overlay);

/*
 * Starts or stops recording which bytes of the view are read, with nothing recorded.  Because a
 * container's format driver reads through the overlay, this tells where in the container a part of
 * the guest's disk lies: read it through the driver, see what the driver reads.
 */
void overlay_watch(struct overlay *overlay, bool on);

/*
 * What was read since overlay_watch() or the last call: sorted by offset, none touching another.
 * Recording goes on.  The caller frees *ranges, which is made anew.
 */
void overlay_take_watched(struct overlay *overlay, struct range_vector *ranges);

/* Forgets every change, that of the size too. */
void overlay_reset(struct overlay *overlay);

#endif
