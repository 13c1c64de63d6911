/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patches: a short input that stands for a large file or a large struct.
 *
 * The input begins with the size of the result (u32, little-endian).  Then come patches: the offset
 * (u32), the length (u16) and the bytes.  The last patch may be cut short.  A byte without a patch is
 * that of the base, or zero.  A later patch covers an earlier one.
 */
#ifndef BOOTSHIFT_FUZZ_PATCHES_H
#define BOOTSHIFT_FUZZ_PATCHES_H

#include <stdbool.h>
#include <stdio.h>

#include "disk/disk.h"

#define PATCHES_MAX      96u
#define PATCHES_ADDED    32u  /* of them, from patches_add() */
#define PATCHES_HEAD     4u   /* bytes of an input before its patches */
#define PATCH_HEAD       6u   /* bytes of a patch before its own */
#define PATCH_ADDED_SIZE 136u /* bytes; the most that patches_add() adds at once */

struct patch {
	uint64_t offset;
	size_t length;
	const uint8_t *bytes;
};

struct patches {
	struct disk disk;    /* shows the result; read-only; the caller does not close it */
	const uint8_t *base; /* NULL: zeros */
	size_t base_size;
	size_t count, added;
	struct patch items[PATCHES_MAX];
	uint8_t own[PATCHES_ADDED][PATCH_ADDED_SIZE];
};

/*
 * Reads an input, which must outlive the patches.  The result has at most `most` bytes.  Returns false
 * if the input is too short for a size.
 */
bool patches_open(struct patches *patches, const uint8_t *bytes, size_t size, uint64_t most,
		  const uint8_t *base, size_t base_size);

/* Reads a part of the result.  Bytes beyond its end are zeros. */
void patches_read(const struct patches *patches, uint64_t offset, void *buffer, size_t length);

/* Covers a part of the result.  Does nothing if there is no room for one more patch. */
void patches_add(struct patches *patches, uint64_t offset, const void *bytes, size_t length);

/* Writes the input that stands for `size` bytes over a base of zeros. */
void patches_write(FILE *stream, const uint8_t *bytes, size_t size);

#endif
