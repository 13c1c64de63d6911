/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows an overlay, and the parents of its container, to other programs as the files of a folder: a
 * FUSE file system.  Reads, writes, changes of the length and holes of the file "image" go straight
 * to the overlay, without the kernel's page cache in between.  The parents can only be read.  If the
 * image or a parent only describes a disk in several files, these are in the folder, too.
 */
#ifndef BOOTSHIFT_QEMU_FILE_H
#define BOOTSHIFT_QEMU_FILE_H

#include "disk/overlay.h"

#define QEMU_FILE_IMAGE "image"

#define QEMU_NAME_SIZE 32

/* A file with a part of the disk: a range of an overlay, in which the file can grow, or of a disk. */
struct qemu_part {
	char name[QEMU_NAME_SIZE]; /* in the folder */
	struct overlay *overlay;   /* NULL: the file can only be read */
	struct disk *disk;         /* of the overlay, or another one */
	uint64_t start, room;      /* the range in the disk, bytes */
	uint64_t length; /* of the file, bytes; changes if a program writes behind its end */
};

/* A container that is only read: the parent of the container above it. */
struct qemu_parent {
	char name[QEMU_NAME_SIZE]; /* in the folder */
	struct disk *disk;         /* the bytes of the container */
	const char *driver;        /* QEMU's name of the driver for it */
	const char *options;       /* of the driver, separated by commas; NULL: none */
	/* If the container only describes the disk: the files that it describes. */
	struct qemu_part *parts;
	size_t part_count;
};

/*
 * A container as a program of QEMU opens it.  Drivers and options come from nobody but us: no path
 * in a container is followed.
 */
struct qemu_image {
	struct overlay *overlay; /* the view of the container */
	const char *driver;      /* as in struct qemu_parent */
	const char *options;
	struct qemu_part *parts;
	size_t part_count;
	const struct qemu_parent
		*parents;    /* the nearest one first; each is the parent of the last */
	size_t parent_count; /* at most QEMU_PARENTS_MAX */
};

/* VMware makes at most 32 snapshots of a machine ("Take Snapshots"), so no real chain is longer. */
#define QEMU_PARENTS_MAX 32u

struct qemu_file;

/*
 * Serves the files in a thread of its own.  `descriptor` is one of /dev/fuse that is or will be
 * mounted with rootmode=40500.  It belongs to the object from now on; on error the function closes
 * it.  What *image names must outlive the object.  NULL: BS_NO_MEMORY, BS_WORKER, BS_SYSTEM_LIMIT.
 */
MUST_CHECK struct qemu_file *qemu_file_serve(const struct qemu_image *image, int descriptor,
					     struct bs_error *err);

/*
 * Returns 0 if every request to the files has succeeded, else -1 with the first error of a disk.
 * The program that uses the files sees only EIO or ENOSPC.
 */
MUST_CHECK int qemu_file_check(struct qemu_file *file, struct bs_error *err);

/* Stops serving and frees the object.  Every later use by a program fails.  NULL is allowed. */
void qemu_file_close(struct qemu_file *file);

#endif
