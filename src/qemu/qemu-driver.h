/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's disk in a container whose format QEMU's driver reads and writes.
 *
 * The overlay over the container is shown as one file, through FUSE, to a qemu-nbd of its own.
 * That is confined to this file, and its export is the guest's disk.  So the overlay collects
 * everything that the driver writes: block tables, headers and a longer file, too.  The container
 * is only read.
 *
 * If the driver is killed or hangs, or this process is killed, no process, mount, socket or file is
 * left behind.  The driver ends with the thread that has opened it, so that thread has to stay.
 */
#ifndef BOOTSHIFT_QEMU_DRIVER_H
#define BOOTSHIFT_QEMU_DRIVER_H

#include "disk/overlay.h"

struct qemu_driver;

/*
 * Opens the container in the view of `overlay` with one of QEMU's block drivers: its name there
 * ("vpc", "vhdx", "qcow2", "vmdk", "vdi"), and options, separated by commas, or NULL.  Neither may
 * come from the container; both, and the overlay, must outlive the driver.  Nobody else may resize
 * or reset the overlay meanwhile.  Unless `writable`, nothing is written to it, not even by the
 * driver for itself.
 *
 * NULL on error: BS_DRIVER_UNUSABLE when qemu-nbd or FUSE cannot be used here;
 * BS_CONTAINER_CORRUPT when the driver refuses the container; BS_WORKER when qemu-nbd is killed or
 * hangs; BS_SYSTEM_LIMIT; an error of the overlay; BS_NO_MEMORY.
 */
MUST_CHECK struct qemu_driver *qemu_driver_open(struct overlay *overlay, const char *name,
						const char *options, bool writable,
						struct bs_error *err);

/*
 * The same with another program in the place of qemu-nbd, and another patience in milliseconds
 * for each of its answers.
 */
MUST_CHECK struct qemu_driver *qemu_driver_open_with(struct overlay *overlay, const char *program,
						     int patience, const char *name,
						     const char *options, bool writable,
						     struct bs_error *err);

/*
 * The guest's disk, which belongs to the driver: it must not be closed.  Its errors are BS_WORKER
 * when the driver's process is killed or hangs, those of the overlay, and BS_CONTAINER_CORRUPT or
 * BS_NO_SPACE when the driver itself cannot do what is asked.  After any but the last two, and when
 * the driver has given up, the disk is of no more use.
 */
struct disk *qemu_driver_disk(struct qemu_driver *driver);

/*
 * Flushes the disk, has the driver close the container, and waits until its process has ended.
 * Only when this has succeeded does the overlay hold all that was written.  Errors as above.
 * Afterwards the disk is of no more use.
 */
MUST_CHECK int qemu_driver_finish(struct qemu_driver *driver, struct bs_error *err);

/* Kills the process if it still runs, and frees everything but the overlay.  NULL is allowed. */
void qemu_driver_close(struct qemu_driver *driver);

/*
 * Has qemu-img, confined in the same way and unable to write, check the tables of the container in
 * the view of `overlay`; name and options as above.  Space that is lost ("leaks") is no error.
 * Errors: BS_CONTAINER_CORRUPT, with how many there are; those of qemu_driver_open().
 */
MUST_CHECK int qemu_check(struct overlay *overlay, const char *name, const char *options,
			  struct bs_error *err);

#endif
