/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cache is set-associative: a block can lie only in the CACHE_WAYS lines of its set.  A new
 * block replaces the least recently used line.  A valid line always has the bytes of the disk
 * below: a write goes to the disk first, and after a failed write, which leaves unknown bytes, the
 * lines are invalid.  Long reads bypass the cache, so the content of files does not replace the
 * metadata.
 */
#include "disk/cache.h"

#include <stdlib.h>

#include "util/bytes.h"

#define LONG_READ (2 * CACHE_BLOCK_SIZE)

struct cache_line {
	bool valid;
	uint64_t block;
	uint64_t last_use; /* value of cache.time at the last use */
	uint8_t *bytes;    /* CACHE_BLOCK_SIZE; the disk's last block may fill only a part */
};

struct cache {
	struct disk disk;
	struct disk *below;
	uint64_t time; /* counts the uses */
	struct cache_line lines[CACHE_SETS][CACHE_WAYS];
	uint8_t bytes[CACHE_SETS][CACHE_WAYS][CACHE_BLOCK_SIZE];
};

static struct cache_line *cache_find_line(struct cache *cache, uint64_t block)
{
	struct cache_line *set = cache->lines[block % CACHE_SETS];

	for (size_t way = 0; way < CACHE_WAYS; way++)
		if (set[way].valid && set[way].block == block)
			return &set[way];
	return NULL;
}

/* Returns a free line of the block's set, or else the least recently used line. */
static struct cache_line *cache_oldest_line(struct cache *cache, uint64_t block)
{
	struct cache_line *set = cache->lines[block % CACHE_SETS];
	struct cache_line *oldest = set;

	for (size_t way = 0; way < CACHE_WAYS; way++) {
		if (!set[way].valid)
			return &set[way];
		if (set[way].last_use < oldest->last_use)
			oldest = &set[way];
	}
	return oldest;
}

/* Returns the line with the block, after reading the block if necessary; NULL on error. */
static struct cache_line *cache_get_line(struct cache *cache, uint64_t block, struct bs_error *err)
{
	uint64_t offset = block * CACHE_BLOCK_SIZE;
	struct cache_line *line = cache_find_line(cache, block);

	if (!line) {
		line = cache_oldest_line(cache, block);
		line->valid = false;
		if (disk_read(cache->below, offset, line->bytes,
			      (size_t)min_u64(CACHE_BLOCK_SIZE, cache->disk.size - offset),
			      err) < 0)
			return NULL;
		line->valid = true;
		line->block = block;
	}
	line->last_use = ++cache->time;
	return line;
}

static int cache_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	struct cache *cache = (struct cache *)disk;
	uint8_t *next = buffer;

	if (length >= LONG_READ)
		return disk_read(cache->below, offset, buffer, length, err);
	while (length > 0) {
		size_t in_block = offset % CACHE_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length, CACHE_BLOCK_SIZE - in_block);
		struct cache_line *line = cache_get_line(cache, offset / CACHE_BLOCK_SIZE, err);

		if (!line)
			return -1;
		memcpy(next, line->bytes + in_block, part);
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

/* Copies `bytes` to the cached lines of the range; `bytes` NULL makes these lines invalid. */
static void cache_update_lines(struct cache *cache, uint64_t offset, const uint8_t *bytes,
			       size_t length)
{
	for (size_t done = 0; done < length;) {
		size_t in_block = (offset + done) % CACHE_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length - done, CACHE_BLOCK_SIZE - in_block);
		struct cache_line *line =
			cache_find_line(cache, (offset + done) / CACHE_BLOCK_SIZE);

		if (line && bytes)
			memcpy(line->bytes + in_block, bytes + done, part);
		else if (line)
			line->valid = false;
		done += part;
	}
}

static int cache_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		       struct bs_error *err)
{
	struct cache *cache = (struct cache *)disk;
	int result = disk_write(cache->below, offset, buffer, length, err);

	cache_update_lines(cache, offset, result == 0 ? buffer : NULL, length);
	return result;
}

static int cache_flush(struct disk *disk, struct bs_error *err)
{
	return disk_flush(((struct cache *)disk)->below, err);
}

static void cache_close(struct disk *disk)
{
	free(disk);
}

static const struct disk_operations cache_operations = {
	.read = cache_read,
	.write = cache_write,
	.flush = cache_flush,
	.close = cache_close,
};

struct disk *cache_open(struct disk *below, struct bs_error *err)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache) {
		fail_memory(err);
		return NULL;
	}
	cache->disk.operations = &cache_operations;
	cache->disk.size = disk_size(below);
	cache->below = below;
	for (size_t set = 0; set < CACHE_SETS; set++)
		for (size_t way = 0; way < CACHE_WAYS; way++)
			cache->lines[set][way].bytes = cache->bytes[set][way];
	return &cache->disk;
}
