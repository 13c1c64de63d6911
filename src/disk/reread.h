/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a file or a block device from its storage instead of the page cache: with O_DIRECT, or,
 * where that is not possible, after the kernel was told to drop what it had cached.  Reading back
 * from the cache would only prove that memory works.
 */
#ifndef BOOTSHIFT_REREAD_H
#define BOOTSHIFT_REREAD_H

#include "disk/disk.h"

/* Returns a descriptor for reread_open(), or -1 with errno. */
MUST_CHECK int reread_open_descriptor(const char *path);

/*
 * Returns a read-only disk over the descriptor, which the caller closes after the disk.  The caller
 * frees the disk with disk_close().  NULL on error: BS_IO, BS_NO_MEMORY.  Reads fail with BS_IO, or
 * with BS_OUT_OF_RANGE when the file has become shorter.
 */
MUST_CHECK struct disk *reread_open(int descriptor, struct bs_error *err);

#endif
