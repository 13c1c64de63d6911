/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image opened for a command: locked, read-only, with the stack of disks on top of it.
 *
 *	disk       the guest's disk: a window of the overlay, or the disk that QEMU's driver shows
 *	staged     on the driver's disk: collects what the staging writes, until container_settle()
 *	overlay    collects what the staging changes, in bytes of the container
 *	target     the container: a file, a device or an NBD export, open for reading
 */
#ifndef BOOTSHIFT_CONTAINER_H
#define BOOTSHIFT_CONTAINER_H

#include "disk/overlay.h"
#include "engine/chain.h"
#include "engine/split.h"
#include "format/format.h"
#include "qemu/qemu-driver.h"
#include "transaction/lock.h"
#include "transaction/place.h"
#include "util/range.h"

struct container {
	const struct bs_options *options; /* borrowed */
	bool shows_before;     /* the guest's disk is the one before the fix, by the undo file */
	bool undoes;           /* for an undo, which also finds an undo file that was moved */
	struct target *target; /* the image; for a VMDK descriptor, the disk that it describes */
	struct place place;    /* where the transaction's files lie; set by locking */
	struct image_lock *lock;
	struct overlay *overlay;
	struct format format;
	/* Why a VMDK descriptor is refused, so that the files of its disk are not known; or BS_OK. */
	struct bs_error refused_descriptor;
	struct chain chain;         /* of parents */
	struct split split;         /* the files of a VMDK in several sparse files */
	struct qemu_driver *driver; /* for a format that needs QEMU's driver; else NULL */
	struct overlay *staged; /* what the driver will be given; NULL: nothing can be written */
	struct disk *window;    /* for all other formats; else NULL */
	struct disk *disk;      /* the guest's disk, of `staged`, `driver` or `window` */
};

/*
 * Opens the image without locking it.  For a VMDK descriptor, opens the disk that it describes.
 * `options` must outlive the container.  The caller must call container_close(), also after an
 * error.
 */
MUST_CHECK int container_open_target(struct container *container, const char *image,
				     const struct bs_options *options, struct bs_error *err);

/*
 * Opens and locks the image.  If an earlier command left a change unfinished, a lock for changing
 * undoes the change and sets *recovered; a lock for reading fails with BS_RECOVERY_REQUIRED, and so
 * does a lock for changing if `recovered` is NULL.  Other errors: those of opening, locking and
 * recovering.  The caller must call container_close(), also after an error.
 */
MUST_CHECK int container_lock(struct container *container, const char *image,
			      const struct bs_options *options, enum lock_purpose purpose,
			      bool undoes, bool *recovered, struct bs_error *err);

/* Opens the overlay and the guest's disk on an open container.  Errors: those of the format. */
MUST_CHECK int container_open_disk(struct container *container, struct bs_error *err);

/* The overlay that counts the sectors that are written to the guest's disk. */
struct overlay *container_counter(const struct container *container);

/*
 * Ends the staging.  The format's driver gets all that was written to the guest's disk, and writes
 * its cached data, so that the overlay has all that a commit would write.  Then opens the guest's
 * disk again on the result, for reading only.  Sets split.growths.  Errors: those of
 * overlay_copy_written(), of qemu_driver_finish(), of split_list_growths() and of the format.
 */
MUST_CHECK int container_settle(struct container *container, struct bs_error *err);

/*
 * Sets *found, which is empty, to where zones of the guest's disk lie in the container.  It reads the
 * zones, and watches what the format's driver reads.  The start and the end of the container, where
 * formats have their headers, are added.  The caller frees *found, also on error.  Errors: those of
 * reading, BS_NO_MEMORY.
 */
MUST_CHECK int container_locate(struct container *container, const struct range_vector *zones,
				struct range_vector *found, struct bs_error *err);

/* Closes the guest's disk, but not the overlay below it. */
void container_close_disk(struct container *container);

void container_close(struct container *container);

#endif
