/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows an overlay to other programs as a file: a FUSE file system whose root is this one regular
 * file.  Reads, writes, changes of the length and holes go straight to the overlay, without the
 * kernel's page cache in between.
 */
#ifndef BOOTSHIFT_QEMU_FILE_H
#define BOOTSHIFT_QEMU_FILE_H

#include "disk/overlay.h"

struct qemu_file;

/*
 * Serves the file in a thread of its own.  `descriptor` is one of /dev/fuse that is or will be
 * mounted with rootmode=100600.  The file owns the descriptor from now on; on error the function
 * closes it.  The overlay must outlive the file.  NULL: BS_NO_MEMORY, BS_WORKER, BS_SYSTEM_LIMIT.
 */
MUST_CHECK struct qemu_file *qemu_file_serve(struct overlay *overlay, int descriptor,
					     struct bs_error *err);

/*
 * Returns 0 if every request to the file has succeeded, else -1 with the first error of the
 * overlay.  The program that uses the file sees only EIO or ENOSPC.
 */
MUST_CHECK int qemu_file_check(struct qemu_file *file, struct bs_error *err);

/* Stops serving and frees the file.  Every later use of it by a program fails.  NULL is allowed. */
void qemu_file_close(struct qemu_file *file);

#endif
