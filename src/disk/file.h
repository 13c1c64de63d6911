/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and block devices as disks, and two functions that read or write a whole range of a file.
 */
#ifndef BOOTSHIFT_FILE_H
#define BOOTSHIFT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "disk/disk.h"

/*
 * Returns a read-only disk over the regular file or block device behind `descriptor`.  The caller
 * opens the descriptor for reading and closes it after the disk.  The size of the disk never
 * changes: after the file has become shorter, a read beyond its end fails (BS_OUT_OF_RANGE).  Freed
 * with disk_close().  NULL on error: BS_NOT_AN_IMAGE for other files, BS_IO, BS_NO_MEMORY.
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

/* Whether both describe the same file, even if it has several names. */
bool file_is_same(const struct stat *one, const struct stat *other);

/*
 * Whether `path` is a name of the file behind `descriptor`.  A symbolic link is not followed.  After
 * false, errno is 0, or says why the file or the name could not be looked at.
 */
bool file_has_name(int descriptor, const char *path);

#endif
