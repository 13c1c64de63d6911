/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a file or a block device from its storage instead of the page cache: with O_DIRECT, or,
 * where O_DIRECT is not possible, after telling the kernel to drop the cached pages.  A read from
 * the page cache would not show whether the storage has the right bytes.
 *
 * The disk reads ahead, and keeps what it read last.  So it must be opened after the last write.
 */
#ifndef BOOTSHIFT_REREAD_H
#define BOOTSHIFT_REREAD_H

#include "disk/disk.h"

/* Opens a file for reread_open().  Returns the descriptor, or -1 with errno. */
MUST_CHECK int reread_open_descriptor(const char *path);

/*
 * Returns a read-only disk over the descriptor, which the caller closes after the disk.  The caller
 * frees the disk with disk_close().  NULL on error: BS_IO, BS_NO_MEMORY.  Reads fail with BS_IO, or
 * with BS_OUT_OF_RANGE when the file has become shorter.
 */
MUST_CHECK struct disk *reread_open(int descriptor, struct bs_error *err);

#endif
