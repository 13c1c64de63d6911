/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps others out of an image, and stays out when others are in it: QEMU and its tools by the
 * byte locks that they take themselves, another bootshift by these and by a lock file; on a device
 * the kernel and its mounts, by O_EXCL, and udev.  Loop devices and mounts are only looked for: the
 * kernel does not keep anybody from attaching a file that is locked.
 *
 * An NBD export cannot be locked.  Another bootshift with the same state directory, and with the
 * same URI, is kept out by the lock file; a second client of the server is not.
 *
 * Locks belong to open descriptors, so a process that dies leaves none behind; a lock file that
 * stays is an empty file without meaning, and is used and removed by the next who comes.
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
 * Locks the image, without waiting longer than readers and udev hold their locks for a moment: half
 * a second for the lock file, two seconds for a device.  For changing, the lock file is made, and
 * the folder for it if it is not there yet.  On a file system without byte locks the lock file
 * alone has to do.  NULL on error: BS_IN_USE with who it is where that can be known, BS_NOT_TRUSTED
 * for a lock file that somebody else may have put there, BS_NOT_FOUND, BS_NO_PERMISSION,
 * BS_READ_ONLY, BS_NO_MEMORY, BS_IO.  No lock file is left behind then.
 */
MUST_CHECK struct image_lock *lock_image(const struct place *place, enum lock_purpose purpose,
					 struct bs_error *err);

/* Lets go and removes the lock file.  NULL is allowed. */
void lock_release(struct image_lock *lock);

#endif
