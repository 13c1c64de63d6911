/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk inside a container whose format we do not speak: qemu's driver does.
 *
 * The overlay over the container is shown as one file through FUSE to a qemu-nbd of its own, which
 * is confined to that file, and whose export is the guest's disk.  So everything that the driver
 * writes, block tables, headers and a longer file included, is collected by the overlay, and the
 * container itself is only read.
 *
 * Whatever becomes of the parties - the driver is killed or hangs, this process is killed - no
 * process, mount, socket or file is left behind.  The driver ends with the thread that has opened
 * the capture, so that one has to stay.
 */
#ifndef BOOTSHIFT_CAPTURE_H
#define BOOTSHIFT_CAPTURE_H

#include "disk/overlay.h"

struct capture;

/*
 * Opens the container in the view of `overlay` with one of qemu's block drivers, by its name there
 * ("vpc", "vhdx", "qcow2", "vmdk", "vdi"), and options of that driver, separated by commas, or
 * NULL.  Neither may come from the container; both, and the overlay, must outlive the capture.  The
 * overlay is to be resized or reset by nobody else meanwhile.  When not `writable`, nothing is
 * written to it, not even by the driver for itself.
 *
 * NULL on error: BS_DRIVER_UNUSABLE when qemu-nbd or FUSE cannot be used here;
 * BS_CONTAINER_CORRUPT when the driver refuses the container; BS_WORKER when qemu-nbd is killed or
 * hangs; an error of the overlay; BS_NO_MEMORY.
 */
MUST_CHECK struct capture *capture_open(struct overlay *overlay, const char *driver,
					const char *driver_options, bool writable,
					struct bs_error *err);

/*
 * The same with another program in the place of qemu-nbd, and another patience in milliseconds
 * for each of its answers.
 */
MUST_CHECK struct capture *capture_open_with(struct overlay *overlay, const char *program,
					     int patience, const char *driver,
					     const char *driver_options, bool writable,
					     struct bs_error *err);

/*
 * The guest's disk; it is the capture's, so it is not to be closed.  Its errors are BS_WORKER when
 * the driver's process is killed or hangs, those of the overlay, and BS_CONTAINER_CORRUPT or
 * BS_NO_SPACE when the driver itself cannot do what is asked.  After any but the last two, and when
 * the driver has given up, the capture is of no more use.
 */
struct disk *capture_disk(struct capture *capture);

/*
 * Flushes the disk, has the driver close the container, and waits until its process has ended.
 * Only when this has succeeded does the overlay hold all that was written.  Errors as above.
 * Afterwards the disk is of no more use.
 */
MUST_CHECK int capture_finish(struct capture *capture, struct bs_error *err);

/* Kills what still runs and frees everything but the overlay.  NULL is allowed. */
void capture_close(struct capture *capture);

/*
 * Has qemu-img, confined in the same way and unable to write, check the tables of the container in
 * the view of `overlay`; driver and options as above.  Space that is lost ("leaks") is no error.
 * Errors: BS_CONTAINER_CORRUPT, with how many there are; the other ones of capture_open().
 */
MUST_CHECK int capture_check(struct overlay *overlay, const char *driver,
			     const char *driver_options, struct bs_error *err);

#endif
