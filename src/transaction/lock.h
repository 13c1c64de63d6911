/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps other programs out of an image, and refuses an image that another program uses:
 * - QEMU and its tools: byte locks, which these programs take, too;
 * - another bootshift: the byte locks and a lock file;
 * - on a device: O_EXCL against the kernel and its mounts, flock() against udev.
 * A lock does not keep an image file from becoming a loop device or a mount: the kernel lets
 * anybody attach a locked file.  The lock only checks that the file is not attached yet.
 *
 * An NBD export cannot be locked.  The lock file keeps out another bootshift with the same state
 * directory and the same URI, but not another client of the server.
 *
 * Locks belong to open descriptors, so the locks of a process end with the process.  A lock file
 * that was left behind locks nothing: the next bootshift uses and removes it.
 */
#ifndef BOOTSHIFT_LOCK_H
#define BOOTSHIFT_LOCK_H

#include "transaction/place.h"

enum lock_purpose {
	LOCK_FOR_READING,  /* inspect, plan: others may read */
	LOCK_FOR_CHANGING, /* fix, undo: nobody else */
};

struct image_lock;

/*
 * Locks the image.  Waits while readers and udev hold their locks: at most half a second for the
 * lock file, and two seconds for a device.  For changing, creates the lock file, and its folder if
 * necessary.  On a file system without byte locks only the lock file protects the image.  NULL on
 * error: BS_IN_USE, with the process if it is known; BS_NOT_TRUSTED for a lock file that another
 * user may have made; BS_NOT_FOUND, BS_NO_PERMISSION, BS_READ_ONLY, BS_NO_MEMORY, BS_IO.  After an
 * error no lock file is left behind.
 */
MUST_CHECK struct image_lock *lock_image(const struct place *place, enum lock_purpose purpose,
					 struct bs_error *err);

/*
 * Locks the parent of an image against programs that write to it, for as long as the target is open.
 * Others may read the parent.  Does nothing on a file system without byte locks.  Errors: BS_IN_USE,
 * BS_NO_PERMISSION, BS_IO.
 */
MUST_CHECK int lock_parent(const struct target *parent, struct bs_error *err);

/* Unlocks the image and removes the lock file.  NULL is allowed. */
void lock_release(struct image_lock *lock);

#endif
