/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a file or a block device from its storage, as far as that can be had: with O_DIRECT, and
 * where that is not possible after telling the kernel to forget what it cached.  A check that reads
 * back what the cache still holds would only prove that memory works.
 */
#ifndef BOOTSHIFT_TRANSACTION_REREAD_H
#define BOOTSHIFT_TRANSACTION_REREAD_H

#include "disk/disk.h"

/* A descriptor for reread_open(), or -1 with errno. */
MUST_CHECK int reread_open_descriptor(const char *path);

/*
 * A read-only disk over that descriptor, which stays the caller's; `size` in bytes is that of the
 * file or device.  Freed with disk_close().  NULL on error: BS_NO_MEMORY.  Its reads fail with
 * BS_IO, or BS_OUT_OF_RANGE when the file has become shorter.
 */
MUST_CHECK struct disk *reread_open(int descriptor, uint64_t size, struct bs_error *err);

#endif
