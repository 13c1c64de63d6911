/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A read cache for a disk on which every request is slow, such as a remote disk.  libntfs-3g reads
 * its metadata in very many pieces of 1 to 4 KiB, and boot files that lie one after the other.
 */
#ifndef BOOTSHIFT_CACHE_H
#define BOOTSHIFT_CACHE_H

#include "disk/disk.h"

#define CACHE_BLOCK_SIZE   32768u     /* bytes; the unit of reads from the disk below */
#define CACHE_AHEAD_MAX    (1u << 19) /* the most bytes that one read gets from the disk below */
#define CACHE_SHORT_PIECES 64u        /* pieces of one block */
#define CACHE_LONG_PIECES  8u         /* pieces of up to CACHE_AHEAD_MAX bytes */

/*
 * Opens a cache over `below`, which must outlive the cache.  Nobody else may write or resize
 * `below`.  The cache passes writes on at once.  Freed with disk_close().  NULL: BS_NO_MEMORY.
 *
 * In all, the cache reads from `below` at most a block for each of the caller's reads, and three
 * times the bytes that the caller reads.
 */
MUST_CHECK struct disk *cache_open(struct disk *below, struct bs_error *err);

#endif
