/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening the container by its path, for reading, with errors that a person can act on.
 */
#ifndef BOOTSHIFT_IMAGE_H
#define BOOTSHIFT_IMAGE_H

#include <sys/stat.h>

#include "util/err.h"

/*
 * Opens the regular file or block device at `path` (symbolic links are followed) for reading.  On
 * success the caller closes *descriptor, and *status describes the opened file, which is not empty.
 * The function never blocks.  Errors: BS_NOT_FOUND (also for a drive without a medium),
 * BS_NO_PERMISSION, BS_IN_USE (another process holds a lease on the file), BS_NOT_AN_IMAGE (a
 * folder, a pipe, a socket, a character device, which is never opened, an empty file), BS_IO.
 */
MUST_CHECK int image_open(const char *path, int *descriptor, struct stat *status,
			  struct bs_error *err);

#endif
