/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The view: reading, writing, its size.  See overlay-view.h for what always holds.
 *
 * Each function that others call holds the lock from its beginning to its end, and calls none of
 * them.
 */
#include "disk/overlay-view.h"

#include <stdlib.h>

#include "util/bytes.h"

#define SECTORS_PER_BLOCK (OVERLAY_BLOCK_SIZE / OVERLAY_SECTOR_SIZE)

_Static_assert(SECTORS_PER_BLOCK == 8, "block_entry.written_sectors has a bit for each sector");

/* ---- reading and writing ------------------------------------------------------------------ */

/* Reads what was there before the first write: the disk below, and zeros after its end. */
static int read_below(struct overlay *overlay, uint64_t offset, uint8_t *buffer, size_t length,
		      struct bs_error *err)
{
	size_t present = 0;

	if (offset < overlay->below_end)
		present = (size_t)min_u64(length, overlay->below_end - offset);
	memset(buffer + present, 0, length - present);
	return disk_read(overlay->below, offset, buffer, present, err);
}

/* How many bytes from `offset` on, at most `length`, lie in blocks that are not in the map. */
static size_t unchanged_length(const struct overlay *overlay, uint64_t offset, size_t length)
{
	size_t run = 0;

	while (run < length && !block_map_find(&overlay->map, (offset + run) / OVERLAY_BLOCK_SIZE))
		run += OVERLAY_BLOCK_SIZE - (offset + run) % OVERLAY_BLOCK_SIZE;
	return run < length ? run : length;
}

int overlay_view_read(struct overlay *overlay, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	uint8_t *next = buffer;

	while (length > 0) {
		struct block_entry *entry =
			block_map_find(&overlay->map, offset / OVERLAY_BLOCK_SIZE);
		size_t in_block = offset % OVERLAY_BLOCK_SIZE;
		size_t part;
		int result;

		if (entry) {
			part = (size_t)min_u64(length, OVERLAY_BLOCK_SIZE - in_block);
			result = block_store_read(&overlay->store, entry->slot, in_block, next,
						  part, err);
		} else {
			part = unchanged_length(overlay, offset, length);
			result = read_below(overlay, offset, next, part, err);
		}
		if (result != 0)
			return -1;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int overlay_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			struct bs_error *err)
{
	struct overlay *overlay = (struct overlay *)disk;
	int result;

	pthread_mutex_lock(&overlay->lock);
	result = watch_add(&overlay->watch, offset, length, err);
	if (result == 0)
		result = overlay_view_read(overlay, offset, buffer, length, err);
	pthread_mutex_unlock(&overlay->lock);
	return result;
}

/* Puts a block that is not in the map there, whole, with `bytes` at `in_block` of it. */
static struct block_entry *add_block(struct overlay *overlay, uint64_t block, size_t in_block,
				     const void *bytes, size_t length, struct bs_error *err)
{
	uint8_t whole[OVERLAY_BLOCK_SIZE];
	uint32_t slot;

	if (block_map_reserve(&overlay->map, err) != 0)
		return NULL;
	if (length < sizeof(whole) &&
	    read_below(overlay, block * OVERLAY_BLOCK_SIZE, whole, sizeof(whole), err) != 0)
		return NULL;
	memcpy(whole + in_block, bytes, length);
	if (block_store_add(&overlay->store, whole, &slot, err) != 0)
		return NULL;
	return block_map_add(&overlay->map, block, slot);
}

/* Writes `length` bytes at `in_block` of one block; returns its entry, NULL on error. */
static struct block_entry *write_block(struct overlay *overlay, uint64_t block, size_t in_block,
				       const void *bytes, size_t length, struct bs_error *err)
{
	struct block_entry *entry = block_map_find(&overlay->map, block);

	if (!entry)
		return add_block(overlay, block, in_block, bytes, length, err);
	if (block_store_write(&overlay->store, entry->slot, in_block, bytes, length, err) != 0)
		return NULL;
	return entry;
}

/* A bit for each sector that [in_block, in_block + length) touches; length is not 0. */
static uint8_t sector_mask(size_t in_block, size_t length)
{
	size_t first = in_block / OVERLAY_SECTOR_SIZE;
	size_t last = (in_block + length - 1) / OVERLAY_SECTOR_SIZE;

	return (uint8_t)((2u << last) - (1u << first));
}

static int write_view(struct overlay *overlay, uint64_t offset, const void *buffer, size_t length,
		      struct bs_error *err)
{
	const uint8_t *next = buffer;

	while (length > 0) {
		size_t in_block = offset % OVERLAY_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length, OVERLAY_BLOCK_SIZE - in_block);
		struct block_entry *entry = write_block(overlay, offset / OVERLAY_BLOCK_SIZE,
							in_block, next, part, err);

		if (!entry)
			return -1;
		entry->written_sectors |= sector_mask(in_block, part);
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int overlay_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			 struct bs_error *err)
{
	struct overlay *overlay = (struct overlay *)disk;
	int result;

	pthread_mutex_lock(&overlay->lock);
	result = write_view(overlay, offset, buffer, length, err);
	pthread_mutex_unlock(&overlay->lock);
	return result;
}

/* Blocks that read as zeros because nothing is there are left alone, so that none are made. */
static int zero_view(struct overlay *overlay, uint64_t offset, uint64_t length,
		     struct bs_error *err)
{
	static const uint8_t zeros[OVERLAY_BLOCK_SIZE];

	while (length > 0) {
		size_t in_block = offset % OVERLAY_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length, OVERLAY_BLOCK_SIZE - in_block);
		bool is_empty = offset >= overlay->below_end &&
				!block_map_find(&overlay->map, offset / OVERLAY_BLOCK_SIZE);

		if (!is_empty && write_view(overlay, offset, zeros, part, err) != 0)
			return -1;
		offset += part;
		length -= part;
	}
	return 0;
}

int overlay_zero(struct overlay *overlay, uint64_t offset, uint64_t length, struct bs_error *err)
{
	int result;

	pthread_mutex_lock(&overlay->lock);
	if (range_within(offset, length, overlay->disk.size))
		result = zero_view(overlay, offset, length, err);
	else
		result = fail(err, BS_OUT_OF_RANGE, "zeros beyond the end of the disk");
	pthread_mutex_unlock(&overlay->lock);
	return result;
}

static void overlay_close(struct disk *disk)
{
	struct overlay *overlay = (struct overlay *)disk;

	block_map_reset(&overlay->map);
	block_store_destroy(&overlay->store);
	watch_reset(&overlay->watch);
	pthread_mutex_destroy(&overlay->lock);
	free(overlay);
}

/* Nothing here outlives the process, so there is nothing to flush. */
static const struct disk_operations overlay_operations = {
	.read = overlay_read,
	.write = overlay_write,
	.close = overlay_close,
};

struct overlay *overlay_open(struct disk *below, uint64_t memory_limit, const char *spill_directory,
			     struct bs_error *err)
{
	struct overlay *overlay = calloc(1, sizeof(*overlay));

	if (!overlay) {
		fail(err, BS_NO_MEMORY, "no memory for the overlay");
		return NULL;
	}
	overlay->disk.operations = &overlay_operations;
	overlay->below = below;
	if (block_store_init(&overlay->store, memory_limit, spill_directory, err) != 0) {
		free(overlay);
		return NULL;
	}
	pthread_mutex_init(&overlay->lock, NULL);
	overlay_reset(overlay);
	return overlay;
}

struct disk *overlay_disk(struct overlay *overlay)
{
	return &overlay->disk;
}

void overlay_reset(struct overlay *overlay)
{
	pthread_mutex_lock(&overlay->lock);
	block_map_reset(&overlay->map);
	block_store_reset(&overlay->store);
	overlay->disk.size = disk_size(overlay->below);
	overlay->below_end = overlay->disk.size;
	pthread_mutex_unlock(&overlay->lock);
}

/* ---- size --------------------------------------------------------------------------------- */

/* What an earlier, longer view had behind the end of the last block must not come back. */
static int clear_tail(struct overlay *overlay, struct bs_error *err)
{
	static const uint8_t zeros[OVERLAY_BLOCK_SIZE];
	uint64_t size = overlay->disk.size;
	struct block_entry *entry = block_map_find(&overlay->map, size / OVERLAY_BLOCK_SIZE);
	size_t in_block = size % OVERLAY_BLOCK_SIZE;

	if (!entry)
		return 0;
	return block_store_write(&overlay->store, entry->slot, in_block, zeros,
				 sizeof(zeros) - in_block, err);
}

static int resize_view(struct overlay *overlay, uint64_t size, struct bs_error *err)
{
	int result;

	if (size > INT64_MAX)
		return fail(err, BS_OUT_OF_RANGE, "no disk can be that long");
	if (size < overlay->disk.size)
		result = block_map_cut(&overlay->map, overlay_block_count(size), err);
	else
		result = clear_tail(overlay, err);
	if (result != 0)
		return -1;
	overlay->disk.size = size;
	overlay->below_end = min_u64(overlay->below_end, size);
	return 0;
}

int overlay_resize(struct overlay *overlay, uint64_t size, struct bs_error *err)
{
	int result;

	pthread_mutex_lock(&overlay->lock);
	result = resize_view(overlay, size, err);
	pthread_mutex_unlock(&overlay->lock);
	return result;
}

/* ---- what has been read ------------------------------------------------------------------- */

void overlay_watch(struct overlay *overlay, bool on)
{
	pthread_mutex_lock(&overlay->lock);
	watch_reset(&overlay->watch);
	overlay->watch.on = on;
	pthread_mutex_unlock(&overlay->lock);
}

void overlay_take_watched(struct overlay *overlay, struct overlay_extent **ranges, size_t *count)
{
	pthread_mutex_lock(&overlay->lock);
	watch_take(&overlay->watch, ranges, count);
	pthread_mutex_unlock(&overlay->lock);
}

/* ---- what has changed --------------------------------------------------------------------- */

uint64_t overlay_take_written_sectors(struct overlay *overlay)
{
	uint64_t count = 0;

	pthread_mutex_lock(&overlay->lock);
	for (size_t i = 0; i < overlay->map.capacity; i++) {
		struct block_entry *entry = &overlay->map.entries[i];

		if (!entry->used)
			continue;
		count += (uint64_t)__builtin_popcount(entry->written_sectors);
		entry->written_sectors = 0;
	}
	pthread_mutex_unlock(&overlay->lock);
	return count;
}
