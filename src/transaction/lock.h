/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps other programs out of an image, and does not open an image that others use:
 * - QEMU and its tools, by the byte locks that they take themselves;
 * - another bootshift, by these and by a lock file;
 * - on a device the kernel and its mounts, by O_EXCL, and udev.
 * Loop devices and mounts can only be looked for: the kernel lets anybody attach a locked file.
 *
 * An NBD export cannot be locked.  The lock file keeps out another bootshift with the same state
 * directory and the same URI, but not another client of the server.
 *
 * Locks belong to open descriptors, so the locks of a process end with the process.  A lock file
 * that remains has no meaning: the next bootshift uses and removes it.
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
 * user may have made; BS_NOT_FOUND, BS_NO_PERMISSION, BS_READ_ONLY, BS_NO_MEMORY, BS_IO.  Then no
 * lock file is left behind.
 */
MUST_CHECK struct image_lock *lock_image(const struct place *place, enum lock_purpose purpose,
					 struct bs_error *err);

/* Unlocks the image and removes the lock file.  NULL is allowed. */
void lock_release(struct image_lock *lock);

#endif
