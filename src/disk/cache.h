/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A read cache for a disk on which every request is slow, such as a remote disk.  libntfs-3g reads
 * its metadata in very many pieces of 1 to 4 KiB.
 */
#ifndef BOOTSHIFT_CACHE_H
#define BOOTSHIFT_CACHE_H

#include "disk/disk.h"

#define CACHE_BLOCK_SIZE 32768u /* bytes; the unit of aligned reads from the disk below */
#define CACHE_SETS       16u
#define CACHE_WAYS       4u /* blocks in a set: 2 MiB in all */

/*
 * Opens a cache over `below`, which must outlive the cache.  Nobody else may write or resize
 * `below`.  The cache passes writes on at once.  Freed with disk_close().  NULL: BS_NO_MEMORY.
 */
MUST_CHECK struct disk *cache_open(struct disk *below, struct bs_error *err);

#endif
