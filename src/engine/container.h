/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image opened for a command: locked, read-only, with the stack of disks on top of it.
 *
 *	format's disk      the guest's disk
 *	overlay            collects what staging changes, in bytes of the container
 *	file               the container, O_RDONLY
 */
#ifndef BOOTSHIFT_CONTAINER_H
#define BOOTSHIFT_CONTAINER_H

#include <sys/stat.h>

#include "disk/format.h"
#include "disk/overlay.h"
#include "transaction/lock.h"

struct container {
	const char *path; /* the caller's */
	struct image_lock *lock;
	int descriptor;
	struct stat status; /* when it was opened */
	struct disk *file;
	struct overlay *overlay;
	struct format format;
};

/* Opens the image without locking it.  container_close() in every case. */
MUST_CHECK int container_open_file(struct container *container, const char *path,
				   struct bs_error *err);

/*
 * Opens and locks the image and recovers what an earlier command left unfinished: for changing,
 * by taking it back (*recovered tells); for reading, by refusing with BS_RECOVERY_REQUIRED.
 * Errors: those of opening, locking and recovering.  container_close() in every case.
 */
MUST_CHECK int container_lock(struct container *container, const char *path,
			      const struct bs_options *options, enum lock_purpose purpose,
			      bool *recovered, struct bs_error *err);

/* Lays the stack on a locked container.  Errors: those of the format. */
MUST_CHECK int container_open_disk(struct container *container, const struct bs_options *options,
				   struct bs_error *err);

void container_close(struct container *container);

#endif
