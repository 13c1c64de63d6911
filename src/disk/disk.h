/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk: a row of bytes with five operations.  bootshift reads and writes an image only through a
 * stack of disks (see ARCHITECTURE.md, "The one idea").
 *
 * What always holds:
 * - Offsets and lengths are in bytes, 64-bit.  The functions below check every range against the
 *   disk's size once, so no layer checks again.
 * - A read or a write transfers all its bytes or fails; there are no short transfers.
 * - Only a flush makes writes durable, and only as durable as the storage of the lowest layer.
 * - Closing a layer does not close the layer below.  Whoever opened a disk closes the disk.
 * - A disk is used by one thread.
 */
#ifndef BOOTSHIFT_DISK_H
#define BOOTSHIFT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct disk;

/*
 * The functions that a layer implements.  `read` and `write` get only ranges within the size, and
 * lengths greater than 0.  A NULL `write` makes the disk read-only; a NULL `flush` succeeds.
 */
struct disk_operations {
	int (*read)(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		    struct bs_error *err);
	int (*write)(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		     struct bs_error *err);
	int (*flush)(struct disk *disk, struct bs_error *err);
	void (*close)(struct disk *disk);
	int (*descriptor)(const struct disk *disk); /* NULL: -1 */
	/* As disk_is_hole(); NULL: false. */
	bool (*is_hole)(const struct disk *disk, uint64_t offset, uint64_t length);
};

/* Every layer's own struct begins with a struct disk. */
struct disk {
	const struct disk_operations *operations;
	uint64_t size; /* bytes; changed only by the layer itself */
};

static inline uint64_t disk_size(const struct disk *disk)
{
	return disk->size;
}

/*
 * Reads or writes exactly `length` bytes at `offset`.  A length of 0 does nothing, whatever the
 * offset.  Errors: BS_OUT_OF_RANGE when the range does not lie within the disk, BS_READ_ONLY for a
 * write to a read-only disk, and the errors of the layers below.
 */
MUST_CHECK int disk_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			 struct bs_error *err);
MUST_CHECK int disk_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			  struct bs_error *err);
MUST_CHECK int disk_flush(struct disk *disk, struct bs_error *err);

/*
 * Returns the only descriptor that the disk reads from, if all its other bytes lie in memory.  Then a
 * process that was forked can read the disk as it is now, if the process keeps this descriptor.
 * Returns -1 for other disks.
 */
int disk_descriptor(const struct disk *disk);

/*
 * Whether the range, which lies within the disk, is known to read as zeros without any storage.  False
 * says nothing.
 */
bool disk_is_hole(const struct disk *disk, uint64_t offset, uint64_t length);

/* Frees the layer, not the layers below.  NULL is allowed. */
void disk_close(struct disk *disk);

#endif
