/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's disk in a container, read and written by QEMU's driver for the container's format.
 *
 * A qemu-nbd process sees the overlay over the container as a file, through FUSE, and each parent of
 * the container as another, which can only be read.  qemu-nbd is confined to these files and exports
 * the guest's disk.  So the overlay collects everything that the driver writes, also block tables,
 * headers and a longer file.  The container is only read.
 *
 * If the driver is killed or hangs, or this process is killed, no process, mount, socket or file is
 * left behind.  The driver ends with the thread that opened it, so this thread must outlive it.
 */
#ifndef BOOTSHIFT_QEMU_DRIVER_H
#define BOOTSHIFT_QEMU_DRIVER_H

#include "qemu/qemu-file.h"

struct qemu_driver;

/*
 * Opens a container with one of QEMU's block drivers: "vpc", "vhdx", "qcow2", "vmdk" or "vdi".  What
 * *image names must outlive the driver; the struct itself need not.  Meanwhile nobody else may
 * resize or reset the overlay.  Unless `writable`, nothing is written to the overlay, not even the
 * driver's own metadata.
 *
 * NULL on error: BS_DRIVER_UNUSABLE when qemu-nbd or FUSE cannot be used here;
 * BS_CONTAINER_CORRUPT when the driver refuses the container; BS_WORKER when qemu-nbd is killed or
 * hangs; BS_SYSTEM_LIMIT; an error of the overlay or of a parent; BS_NO_MEMORY.
 */
MUST_CHECK struct qemu_driver *qemu_driver_open(const struct qemu_image *image, bool writable,
						struct bs_error *err);

/*
 * Like qemu_driver_open(), with another program instead of qemu-nbd.  `patience` is the longest
 * wait for each answer of the program, in milliseconds.
 */
MUST_CHECK struct qemu_driver *qemu_driver_open_with(const struct qemu_image *image,
						     const char *program, int patience,
						     bool writable, struct bs_error *err);

/*
 * Returns the guest's disk.  The driver owns the disk; the caller must not close it.  Errors:
 * BS_WORKER when the driver's process is killed or hangs, the errors of the overlay, and
 * BS_CONTAINER_CORRUPT or BS_NO_SPACE when the driver itself refuses a request.  The disk stays
 * usable only after the last two errors, and only if the driver still runs.
 */
struct disk *qemu_driver_disk(struct qemu_driver *driver);

/*
 * Flushes the disk, has the driver close the container, and waits until its process has ended.
 * The overlay is sure to have all written bytes only after this function has succeeded.  Errors as
 * for qemu_driver_disk().  Afterwards the disk cannot be used.
 */
MUST_CHECK int qemu_driver_finish(struct qemu_driver *driver, struct bs_error *err);

/* Kills the process if it still runs, and frees everything but the overlay.  NULL is allowed. */
void qemu_driver_close(struct qemu_driver *driver);

/*
 * Lets qemu-img, confined like qemu-nbd and without write access, check the tables of a container,
 * but not those of its parents.  Lost space ("leaks") is no error.  Errors: BS_CONTAINER_CORRUPT,
 * with the number of errors in the tables; the errors of qemu_driver_open().
 */
MUST_CHECK int qemu_check(const struct qemu_image *image, struct bs_error *err);

#endif
