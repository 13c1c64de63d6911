/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An overlay shown to other programs as a file: a FUSE file system whose root is that one regular
 * file.  Whoever mounts it gets reads, writes, a changing length and holes, straight from and to
 * the overlay, without the kernel's page cache in between.
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
 * 0 as long as everything that was asked of the file could be done; else -1 with the first error
 * of the overlay, which the program that uses the file has seen as EIO or ENOSPC only.
 */
MUST_CHECK int qemu_file_check(struct qemu_file *file, struct bs_error *err);

/* Stops serving: from now on every use of the file is an error.  NULL is allowed. */
void qemu_file_close(struct qemu_file *file);

#endif
