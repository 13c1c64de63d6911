/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table with linear probing.  The table is at most half full, so every search soon meets an
 * empty place.  Entries are never deleted from a table: block_map_cut() copies the other blocks to
 * a new table.
 */
#include "disk/block-map.h"

#include <stdlib.h>

#define SMALLEST_CAPACITY 256u

/* Returns the place of `block`, or the empty place for it.  The table is never full. */
static struct block_entry *block_map_place(const struct block_map *map, uint64_t block)
{
	/* Fibonacci hashing puts neighbouring blocks, the common case, far apart. */
	size_t place = (size_t)(block * 0x9e3779b97f4a7c15u >> 32) & (map->capacity - 1);

	while (map->entries[place].used && map->entries[place].block != block)
		place = (place + 1) & (map->capacity - 1);
	return &map->entries[place];
}

struct block_entry *block_map_find(const struct block_map *map, uint64_t block)
{
	struct block_entry *entry;

	if (map->count == 0)
		return NULL;
	entry = block_map_place(map, block);
	return entry->used ? entry : NULL;
}

/* Copies the blocks with numbers below `first` to a new table, and frees the old table. */
static int block_map_rebuild(struct block_map *map, size_t capacity, uint64_t first,
			     struct bs_error *err)
{
	struct block_map fresh = {.capacity = capacity};

	fresh.entries = calloc(capacity, sizeof(*fresh.entries));
	if (!fresh.entries)
		return fail_memory(err);
	for (size_t i = 0; i < map->capacity; i++) {
		const struct block_entry *entry = &map->entries[i];

		if (!entry->used || entry->block >= first)
			continue;
		*block_map_place(&fresh, entry->block) = *entry;
		fresh.count++;
	}
	free(map->entries);
	*map = fresh;
	return 0;
}

int block_map_reserve(struct block_map *map, struct bs_error *err)
{
	if (map->count < map->capacity / 2)
		return 0;
	return block_map_rebuild(map, map->capacity ? map->capacity * 2 : SMALLEST_CAPACITY,
				 UINT64_MAX, err);
}

struct block_entry *block_map_add(struct block_map *map, uint64_t block, uint32_t slot)
{
	struct block_entry *entry = block_map_place(map, block);

	*entry = (struct block_entry){.block = block, .slot = slot, .used = true};
	map->count++;
	return entry;
}

int block_map_cut(struct block_map *map, uint64_t first, struct bs_error *err)
{
	return map->count > 0 ? block_map_rebuild(map, map->capacity, first, err) : 0;
}

void block_map_reset(struct block_map *map)
{
	free(map->entries);
	*map = (struct block_map){0};
}
