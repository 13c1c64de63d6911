/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes to descriptors, and makes temporary files. */
#ifndef BOOTSHIFT_UTIL_IO_H
#define BOOTSHIFT_UTIL_IO_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* Writes all bytes, with several calls of write(2) if needed.  -1 with errno on error. */
MUST_CHECK int io_write_all(int descriptor, const void *bytes, size_t length);

/* $TMPDIR, or "/tmp" if it is unset or empty or the program has more rights than its user. */
const char *io_temporary_folder(void);

/*
 * Makes a file without a name in a folder.  Its owner may read and write it.  `flags` is 0 or
 * O_APPEND.  The file disappears when its last descriptor is closed.  On file systems without
 * O_TMPFILE (NFS, some with FUSE) the file has a name for a moment.  Returns the descriptor, closed
 * on exec, or -1 with errno.
 */
MUST_CHECK int io_open_unnamed(const char *folder, int flags);

/* The bytes that this user can still write to the descriptor's file system; UINT64_MAX: unknown. */
uint64_t io_free_space(int descriptor);

/*
 * Reserves space by fallocate(2) with `mode`.  If the file system cannot reserve, checks that it
 * has this much free.  Does nothing if `length` is 0.  -1 with errno on error.
 */
MUST_CHECK int io_reserve(int descriptor, int mode, uint64_t offset, uint64_t length);

#endif
