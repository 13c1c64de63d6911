/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A read cache in front of a disk whose every request is slow, as the remote disk's are: libntfs-3g
 * reads its metadata in very many pieces of 1 to 4 KiB.
 */
#ifndef BOOTSHIFT_CACHE_H
#define BOOTSHIFT_CACHE_H

#include "disk/disk.h"

#define CACHE_BLOCK_SIZE 32768u /* bytes; read from the disk below at once, aligned */
#define CACHE_SETS       16u
#define CACHE_WAYS       4u /* blocks in a set: 2 MiB in all */

/*
 * Puts a cache before `below`, which must outlive it and must not be written or resized behind the
 * cache's back.  Writes go through at once.  Freed with disk_close().  NULL: BS_NO_MEMORY.
 */
MUST_CHECK struct disk *cache_open(struct disk *below, struct bs_error *err);

#endif
