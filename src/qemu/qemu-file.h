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
 * Serves the file in a thread of its own, on a descriptor of /dev/fuse that is or will be mounted
 * with rootmode=100600.  The descriptor belongs to the file from now on, also on error.  The
 * overlay must outlive the file.  NULL: BS_NO_MEMORY, BS_WORKER.
 */
MUST_CHECK struct qemu_file *qemu_file_serve(struct overlay *overlay, int descriptor,
					     struct bs_error *err);

/*
 * Returns 0 if every request to the file has succeeded, else -1 with the first error of the
 * overlay.  The program that uses the file has only seen EIO or ENOSPC.
 */
MUST_CHECK int qemu_file_check(struct qemu_file *file, struct bs_error *err);

/* Stops serving: from now on every use of the file is an error.  NULL is allowed. */
void qemu_file_close(struct qemu_file *file);

#endif
