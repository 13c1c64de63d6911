/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of the written blocks of an overlay, with the slot of each block in the block store.
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
	uint8_t written_sectors; /* a bit for each sector, the lowest bit for the first sector */
	uint8_t new_sectors;     /* those of them that are not counted yet */
};

/*
 * A struct of zeros is an empty map.  The entries of the map are those of entries[0 .. capacity)
 * with `used` set.
 */
struct block_map {
	struct block_entry *entries;
	size_t capacity; /* zero or a power of two */
	size_t count;
};

/* Returns the entry of a block, or NULL.  The entry stays valid until the map changes. */
struct block_entry *block_map_find(const struct block_map *map, uint64_t block);

/* Makes room, so that the next block_map_add() cannot fail.  Error: BS_NO_MEMORY. */
MUST_CHECK int block_map_reserve(struct block_map *map, struct bs_error *err);

/* Adds a new block with no sector written.  The caller has called block_map_reserve() before. */
struct block_entry *block_map_add(struct block_map *map, uint64_t block, uint32_t slot);

/* Removes the blocks numbered `first` and above.  On error (BS_NO_MEMORY) the map is unchanged. */
MUST_CHECK int block_map_cut(struct block_map *map, uint64_t first, struct bs_error *err);

/* Removes all blocks and frees the memory. */
void block_map_reset(struct block_map *map);

#endif
