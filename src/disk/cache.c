/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cache keeps pieces of the disk below.  Pieces do not overlap, and always have the bytes of the
 * disk below: a write goes to the disk first, and after a failed write, which leaves unknown bytes,
 * the pieces are dropped.
 *
 * A read that meets no piece gets a new one, which is at least a block long.  If the new piece
 * begins where another piece ends, the caller reads in order: then the new piece is twice as long
 * as what was read from that other piece.  So a row of files is read in long pieces, and scattered
 * metadata in single blocks.  There are places for short and for long pieces, so that the content
 * of files does not replace the metadata.  In each kind, a new piece replaces the one that was not
 * used for longest.
 */
#include "disk/cache.h"

#include <stdlib.h>

#include "util/bytes.h"
#include "util/memory.h"
#include "util/range.h"

#define PIECES (CACHE_SHORT_PIECES + CACHE_LONG_PIECES)
#define MEMORY (CACHE_SHORT_PIECES * CACHE_BLOCK_SIZE + CACHE_LONG_PIECES * CACHE_AHEAD_MAX)

struct cache_piece {
	struct range range; /* in the disk; the length is 0 if the place is free */
	uint64_t last_use;  /* value of cache.time at the last use */
	uint64_t used;      /* how many bytes were read from the piece, repeated reads included */
	uint8_t *bytes;
};

struct cache {
	struct disk disk;
	struct disk *below;
	uint64_t time;                     /* counts the uses */
	struct cache_piece pieces[PIECES]; /* first the places for short pieces */
	uint8_t *bytes;                    /* of all pieces */
};

static struct cache_piece *cache_find(struct cache *cache, uint64_t offset)
{
	for (size_t i = 0; i < PIECES; i++)
		if (range_has(cache->pieces[i].range, offset))
			return &cache->pieces[i];
	return NULL;
}

/* Returns a free place for a piece of this length, or the one that was not used for longest. */
static struct cache_piece *cache_place(struct cache *cache, uint64_t length)
{
	bool is_short = length <= CACHE_BLOCK_SIZE;
	struct cache_piece *first = cache->pieces + (is_short ? 0 : CACHE_SHORT_PIECES);
	struct cache_piece *oldest = first;

	for (size_t i = 0; i < (is_short ? CACHE_SHORT_PIECES : CACHE_LONG_PIECES); i++)
		if (first[i].last_use < oldest->last_use)
			oldest = &first[i];
	return oldest;
}

/*
 * Returns the range to read for `length` bytes at `offset`, which is in no piece.  The range begins
 * at or before `offset`, and overlaps no piece.
 */
static struct range cache_choose(const struct cache *cache, uint64_t offset, size_t length)
{
	uint64_t start = offset - offset % CACHE_BLOCK_SIZE, end = cache->disk.size, ahead = 0;
	uint64_t wanted;

	for (size_t i = 0; i < PIECES; i++) {
		const struct cache_piece *piece = &cache->pieces[i];

		if (piece->range.length == 0)
			continue;
		if (piece->range.offset > offset)
			end = min_u64(end, piece->range.offset);
		else if (range_end(piece->range) >= start) {
			start = range_end(piece->range);
			ahead = 2 * piece->used;
		}
	}
	wanted = max_u64(offset + length, start + min_u64(ahead, CACHE_AHEAD_MAX));
	wanted = (wanted + CACHE_BLOCK_SIZE - 1) / CACHE_BLOCK_SIZE * CACHE_BLOCK_SIZE;
	return range_from_to(start, min_u64(end, min_u64(wanted, start + CACHE_AHEAD_MAX)));
}

/* Returns the piece with `offset`, after reading one if necessary; NULL on error. */
static struct cache_piece *cache_get(struct cache *cache, uint64_t offset, size_t length,
				     struct bs_error *err)
{
	struct cache_piece *piece = cache_find(cache, offset);

	if (!piece) {
		struct range range = cache_choose(cache, offset, length);

		piece = cache_place(cache, range.length);
		piece->range.length = 0;
		piece->last_use = 0;
		if (disk_read(cache->below, range.offset, piece->bytes, (size_t)range.length, err) <
		    0)
			return NULL;
		piece->range = range;
		piece->used = 0;
	}
	piece->last_use = ++cache->time;
	return piece;
}

static int cache_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	struct cache *cache = (struct cache *)disk;
	uint8_t *next = buffer;

	if (length >= CACHE_AHEAD_MAX)
		return disk_read(cache->below, offset, buffer, length, err);
	while (length > 0) {
		struct cache_piece *piece = cache_get(cache, offset, length, err);
		size_t part;

		if (!piece) /* perhaps because of bytes that nobody asked for */
			return disk_read(cache->below, offset, next, length, err);
		part = (size_t)min_u64(length, range_end(piece->range) - offset);
		memcpy(next, piece->bytes + (offset - piece->range.offset), part);
		piece->used += part;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

/* Copies `bytes` to the pieces of the range; `bytes` NULL drops these pieces. */
static void cache_update(struct cache *cache, struct range written, const uint8_t *bytes)
{
	for (size_t i = 0; i < PIECES; i++) {
		struct cache_piece *piece = &cache->pieces[i];
		struct range common = range_intersect(written, piece->range);

		if (common.length > 0 && bytes)
			memcpy(piece->bytes + (common.offset - piece->range.offset),
			       bytes + (common.offset - written.offset), (size_t)common.length);
		else if (common.length > 0)
			piece->range.length = 0;
	}
}

static int cache_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		       struct bs_error *err)
{
	struct cache *cache = (struct cache *)disk;
	int result = disk_write(cache->below, offset, buffer, length, err);

	cache_update(cache, (struct range){offset, length}, result == 0 ? buffer : NULL);
	return result;
}

static int cache_flush(struct disk *disk, struct bs_error *err)
{
	return disk_flush(((struct cache *)disk)->below, err);
}

static void cache_close(struct disk *disk)
{
	free(((struct cache *)disk)->bytes);
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
	uint8_t *next;

	if (cache)
		cache->bytes = memory_large(MEMORY);
	if (!cache || !cache->bytes) {
		free(cache);
		fail_memory(err);
		return NULL;
	}
	cache->disk.operations = &cache_operations;
	cache->disk.size = disk_size(below);
	cache->below = below;
	next = cache->bytes;
	for (size_t i = 0; i < PIECES; i++) {
		cache->pieces[i].bytes = next;
		next += i < CACHE_SHORT_PIECES ? CACHE_BLOCK_SIZE : CACHE_AHEAD_MAX;
	}
	return &cache->disk;
}
