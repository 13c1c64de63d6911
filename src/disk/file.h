/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and block devices as disks, and the two loops that read and write a whole range of a
 * descriptor.
 */
#ifndef BOOTSHIFT_FILE_H
#define BOOTSHIFT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "disk/disk.h"

/*
 * A read-only disk over the regular file or block device behind `descriptor`, which stays the
 * caller's: it must be open for reading and stay open as long as the disk.  The size is the one
 * now; a read of what has been cut off since is an error (BS_OUT_OF_RANGE), never zeros.  Freed
 * with disk_close().  NULL on error: BS_NOT_AN_IMAGE for anything else, BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK struct disk *file_open(int descriptor, struct bs_error *err);

/*
 * Reads or writes exactly `length` bytes at `offset` of a file.  Errors: BS_OUT_OF_RANGE when the
 * file ends before the range does, BS_NO_SPACE when the storage is full, else BS_IO.
 */
MUST_CHECK int file_read_at(int descriptor, uint64_t offset, void *buffer, size_t length,
			    struct bs_error *err);
MUST_CHECK int file_write_at(int descriptor, uint64_t offset, const void *buffer, size_t length,
			     struct bs_error *err);

/* Whether the two are of one file, whatever its names are. */
bool file_is_same(const struct stat *one, const struct stat *other);

/* Whether `path` is a name of the file behind `descriptor`.  A symbolic link is not followed. */
bool file_has_name(int descriptor, const char *path);

#endif
