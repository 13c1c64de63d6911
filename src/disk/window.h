/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A window: the bytes [offset, offset + length) of another disk, as a disk of their own.  Examples
 * are a partition and the payload of a fixed VHD.
 */
#ifndef BOOTSHIFT_WINDOW_H
#define BOOTSHIFT_WINDOW_H

#include "disk/disk.h"

/*
 * Opens a window on `below`, which must outlive it; freed with disk_close().  Reads, writes and
 * flushes go to `below`.  NULL on error: BS_OUT_OF_RANGE when the range does not lie within
 * `below`, BS_NO_MEMORY.
 */
MUST_CHECK struct disk *window_open(struct disk *below, uint64_t offset, uint64_t length,
				    struct bs_error *err);

#endif
