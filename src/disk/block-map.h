/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which blocks of an overlay have been written, and in which slot of its store each one lies.
 */
#ifndef BOOTSHIFT_BLOCK_MAP_H
#define BOOTSHIFT_BLOCK_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

struct block_entry {
	uint64_t block;          /* number: offset in the disk / OVERLAY_BLOCK_SIZE */
	uint32_t slot;           /* number in the store */
	bool used;               /* false: this place of the table is empty */
	uint8_t written_sectors; /* a bit for each sector, the lowest for the first */
};

/*
 * All zeros is an empty map.  To go over all entries, look at entries[0 .. capacity) and skip those
 * that are not used.
 */
struct block_map {
	struct block_entry *entries;
	size_t capacity; /* zero or a power of two */
	size_t count;
};

/* The entry of a block, or NULL.  It stays valid until the map changes. */
struct block_entry *block_map_find(const struct block_map *map, uint64_t block);

/* Makes room, so that the next block_map_add() cannot fail.  BS_NO_MEMORY. */
MUST_CHECK int block_map_reserve(struct block_map *map, struct bs_error *err);

/* Adds a block that the map does not hold yet, with no sector written.  Room is reserved. */
struct block_entry *block_map_add(struct block_map *map, uint64_t block, uint32_t slot);

/* Forgets the blocks numbered `first` and above.  On error (BS_NO_MEMORY) nothing has changed. */
MUST_CHECK int block_map_cut(struct block_map *map, uint64_t first, struct bs_error *err);

/* Forgets everything and frees the memory. */
void block_map_reset(struct block_map *map);

#endif
