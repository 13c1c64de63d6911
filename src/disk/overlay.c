/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads, writes and resizes the view.  See overlay-view.h for what always holds.
 *
 * Each function that other files call holds the lock from its beginning to its end.  It calls no
 * other function that takes the lock.
 */
#include "disk/overlay-view.h"

#include <assert.h>
#include <stdlib.h>

#include "util/bytes.h"

#define SECTORS_PER_BLOCK (OVERLAY_BLOCK_SIZE / SECTOR_SIZE)

_Static_assert(SECTORS_PER_BLOCK == 8, "block_entry.written_sectors has a bit for each sector");

/* ---- what always holds -------------------------------------------------------------------- */

static void overlay_check(const struct overlay *overlay)
{
	assert(overlay->below_end <= overlay->disk.size);
	assert(overlay->below_end <= disk_size(overlay->below));
	assert(overlay->map.count <= overlay->map.capacity / 2);
	assert(overlay->map.count <= overlay->store.count);
	assert(overlay->watching || overlay->watched.count == 0);
	(void)overlay; /* unused in builds without assertions */
}

/* Each block of the map can be found, lies at least partly in the view and has a slot in use. */
static void overlay_check_blocks(const struct overlay *overlay)
{
	size_t count = 0;

	for (size_t i = 0; i < overlay->map.capacity; i++) {
		const struct block_entry *entry = &overlay->map.entries[i];

		if (!entry->used)
			continue;
		count++;
		assert(block_map_find(&overlay->map, entry->block) == entry);
		assert(entry->block < overlay_block_count(overlay->disk.size));
		assert(entry->slot < overlay->store.count);
	}
	assert(count == overlay->map.count);
	(void)count;
}

void overlay_lock(struct overlay *overlay)
{
	pthread_mutex_lock(&overlay->lock);
	overlay_check(overlay);
}

void overlay_unlock(struct overlay *overlay)
{
	overlay_check(overlay);
	pthread_mutex_unlock(&overlay->lock);
}

/* ---- reading and writing ------------------------------------------------------------------ */

/* Reads the bytes before any write: those of the disk below, and zeros from `below_end` on. */
static int overlay_read_below(struct overlay *overlay, uint64_t offset, uint8_t *buffer,
			      size_t length, struct bs_error *err)
{
	size_t present = 0;

	if (offset < overlay->below_end)
		present = (size_t)min_u64(length, overlay->below_end - offset);
	memset(buffer + present, 0, length - present);
	return disk_read(overlay->below, offset, buffer, present, err);
}

/* The part of the block that holds `offset`, from `offset` to the block's end or to `end`. */
static struct range overlay_part(uint64_t offset, uint64_t end)
{
	uint64_t block = offset / OVERLAY_BLOCK_SIZE;

	return range_from_to(offset, min_u64(end, (block + 1) * OVERLAY_BLOCK_SIZE));
}

/* Returns the shortest range that has all bytes of [offset, end) in blocks outside the map. */
static struct range overlay_unchanged(const struct overlay *overlay, uint64_t offset, uint64_t end)
{
	struct range found = {offset, 0};

	while (offset < end) {
		struct range part = overlay_part(offset, end);

		offset = range_end(part);
		if (block_map_find(&overlay->map, part.offset / OVERLAY_BLOCK_SIZE))
			continue;
		found = found.length > 0 ? range_from_to(found.offset, offset) : part;
	}
	return found;
}

/*
 * Reads the range from the disk below, with the changed blocks in it.  If this fails, reads only the
 * blocks outside the map: a changed block need not be readable below.
 */
static int overlay_read_unchanged(struct overlay *overlay, struct range range, uint8_t *bytes,
				  struct bs_error *err)
{
	uint64_t at = range.offset, end = range_end(range);

	if (overlay_read_below(overlay, at, bytes, (size_t)range.length, err) == 0)
		return 0;
	while (at < end) {
		struct range part = overlay_part(at, end);

		if (!block_map_find(&overlay->map, at / OVERLAY_BLOCK_SIZE) &&
		    overlay_read_below(overlay, at, bytes + (at - range.offset),
				       (size_t)part.length, err) < 0)
			return -1;
		at = range_end(part);
	}
	return 0;
}

/* Reads from the disk below at once, also between changed blocks, and puts these on top. */
int overlay_view_read(struct overlay *overlay, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	uint8_t *bytes = buffer;
	uint64_t end = offset + length, at = offset;
	struct range below = overlay_unchanged(overlay, offset, end);

	if (below.length > 0 &&
	    overlay_read_unchanged(overlay, below, bytes + (below.offset - offset), err) < 0)
		return -1;
	while (at < end) {
		struct range part = overlay_part(at, end);
		const struct block_entry *entry =
			block_map_find(&overlay->map, at / OVERLAY_BLOCK_SIZE);

		if (entry && block_store_read(&overlay->store, entry->slot, at % OVERLAY_BLOCK_SIZE,
					      bytes + (at - offset), (size_t)part.length, err) < 0)
			return -1;
		at = range_end(part);
	}
	return 0;
}

static int overlay_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			struct bs_error *err)
{
	struct overlay *overlay = (struct overlay *)disk;
	int result;

	overlay_lock(overlay);
	result = overlay->watching ? range_vector_extend(&overlay->watched,
							 (struct range){offset, length}, err)
				   : 0;
	if (result == 0)
		result = overlay_view_read(overlay, offset, buffer, length, err);
	overlay_unlock(overlay);
	return result;
}

/* Adds a whole block to the map and the store, with `bytes` at offset `in_block` of the block. */
static struct block_entry *overlay_add_block(struct overlay *overlay, uint64_t block,
					     size_t in_block, const void *bytes, size_t length,
					     struct bs_error *err)
{
	uint8_t whole[OVERLAY_BLOCK_SIZE];
	uint32_t slot;

	if (block_map_reserve(&overlay->map, err) < 0)
		return NULL;
	if (length < sizeof(whole)) {
		if (overlay_read_below(overlay, block * OVERLAY_BLOCK_SIZE, whole, sizeof(whole),
				       err) < 0)
			return NULL;
		memcpy(whole + in_block, bytes, length);
		bytes = whole;
	}
	if (block_store_add(&overlay->store, bytes, &slot, err) < 0)
		return NULL;
	return block_map_add(&overlay->map, block, slot);
}

/* Writes `length` bytes at offset `in_block` of a block.  Returns its entry, or NULL on error. */
static struct block_entry *overlay_write_block(struct overlay *overlay, uint64_t block,
					       size_t in_block, const void *bytes, size_t length,
					       struct bs_error *err)
{
	struct block_entry *entry = block_map_find(&overlay->map, block);

	if (!entry)
		return overlay_add_block(overlay, block, in_block, bytes, length, err);
	if (block_store_write(&overlay->store, entry->slot, in_block, bytes, length, err) < 0)
		return NULL;
	return entry;
}

/* Returns a bit for each sector that [in_block, in_block + length) touches.  length is not 0. */
static uint8_t overlay_sector_mask(size_t in_block, size_t length)
{
	size_t first = in_block / SECTOR_SIZE;
	size_t last = (in_block + length - 1) / SECTOR_SIZE;

	return (uint8_t)((2u << last) - (1u << first));
}

static int overlay_write_view(struct overlay *overlay, uint64_t offset, const void *buffer,
			      size_t length, struct bs_error *err)
{
	const uint8_t *next = buffer;

	while (length > 0) {
		size_t in_block = offset % OVERLAY_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length, OVERLAY_BLOCK_SIZE - in_block);
		struct block_entry *entry = overlay_write_block(
			overlay, offset / OVERLAY_BLOCK_SIZE, in_block, next, part, err);

		if (!entry)
			return -1;
		entry->written_sectors |= overlay_sector_mask(in_block, part);
		entry->new_sectors |= overlay_sector_mask(in_block, part);
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

	overlay_lock(overlay);
	result = overlay_write_view(overlay, offset, buffer, length, err);
	overlay_unlock(overlay);
	return result;
}

/* Skips blocks outside the map from `below_end` on: they read as zeros without using a slot. */
static int overlay_zero_view(struct overlay *overlay, uint64_t offset, uint64_t length,
			     struct bs_error *err)
{
	static const uint8_t zeros[OVERLAY_BLOCK_SIZE];

	while (length > 0) {
		size_t in_block = offset % OVERLAY_BLOCK_SIZE;
		size_t part = (size_t)min_u64(length, OVERLAY_BLOCK_SIZE - in_block);
		bool is_empty = offset >= overlay->below_end &&
				!block_map_find(&overlay->map, offset / OVERLAY_BLOCK_SIZE);

		if (!is_empty && overlay_write_view(overlay, offset, zeros, part, err) < 0)
			return -1;
		offset += part;
		length -= part;
	}
	return 0;
}

int overlay_zero(struct overlay *overlay, uint64_t offset, uint64_t length, struct bs_error *err)
{
	int result;

	overlay_lock(overlay);
	if (range_within(offset, length, overlay->disk.size))
		result = overlay_zero_view(overlay, offset, length, err);
	else
		result = fail(err, BS_OUT_OF_RANGE, "zeros beyond the end of the disk");
	overlay_unlock(overlay);
	return result;
}

static void overlay_close(struct disk *disk)
{
	struct overlay *overlay = (struct overlay *)disk;

	overlay_check(overlay);
	overlay_check_blocks(overlay);
	block_map_reset(&overlay->map);
	block_store_destroy(&overlay->store);
	range_vector_free(&overlay->watched);
	pthread_mutex_destroy(&overlay->lock);
	free(overlay);
}

/* The temporary file is writable, and the record of reads would be lost. */
static int overlay_descriptor(const struct disk *disk)
{
	const struct overlay *overlay = (const struct overlay *)disk;

	return overlay->store.descriptor < 0 && !overlay->watching ? disk_descriptor(overlay->below)
								   : -1;
}

/* No `flush`: the overlay does not outlive the process. */
static const struct disk_operations overlay_operations = {
	.read = overlay_read,
	.write = overlay_write,
	.close = overlay_close,
	.descriptor = overlay_descriptor,
};

struct overlay *overlay_open(struct disk *below, uint64_t memory_limit, const char *spill_directory,
			     struct bs_error *err)
{
	struct overlay *overlay = calloc(1, sizeof(*overlay));

	if (!overlay) {
		fail_memory(err);
		return NULL;
	}
	overlay->disk.operations = &overlay_operations;
	overlay->below = below;
	if (block_store_init(&overlay->store, memory_limit, spill_directory, err) < 0) {
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
	overlay_lock(overlay);
	block_map_reset(&overlay->map);
	block_store_reset(&overlay->store);
	overlay->disk.size = disk_size(overlay->below);
	overlay->below_end = overlay->disk.size;
	overlay_unlock(overlay);
}

/* ---- size --------------------------------------------------------------------------------- */

/* Clears the block's bytes beyond the view's end, which an earlier, longer view may have left. */
static int overlay_clear_tail(struct overlay *overlay, struct bs_error *err)
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

static int overlay_resize_view(struct overlay *overlay, uint64_t size, struct bs_error *err)
{
	int result;

	if (size > INT64_MAX)
		return fail(err, BS_OUT_OF_RANGE, "no disk can be that long");
	if (size < overlay->disk.size)
		result = block_map_cut(&overlay->map, overlay_block_count(size), err);
	else
		result = overlay_clear_tail(overlay, err);
	if (result < 0)
		return -1;
	overlay->disk.size = size;
	overlay->below_end = min_u64(overlay->below_end, size);
	return 0;
}

int overlay_resize(struct overlay *overlay, uint64_t size, struct bs_error *err)
{
	int result;

	overlay_lock(overlay);
	result = overlay_resize_view(overlay, size, err);
	overlay_unlock(overlay);
	return result;
}

/* ---- what has been read ------------------------------------------------------------------- */

void overlay_watch(struct overlay *overlay, bool on)
{
	overlay_lock(overlay);
	range_vector_free(&overlay->watched);
	overlay->watching = on;
	overlay_unlock(overlay);
}

void overlay_take_watched(struct overlay *overlay, struct range_vector *ranges)
{
	overlay_lock(overlay);
	range_vector_merge(&overlay->watched);
	*ranges = overlay->watched;
	overlay->watched = (struct range_vector){0};
	overlay_unlock(overlay);
}

/* ---- what has changed --------------------------------------------------------------------- */

uint64_t overlay_take_written_sectors(struct overlay *overlay)
{
	uint64_t count = 0;

	overlay_lock(overlay);
	for (size_t i = 0; i < overlay->map.capacity; i++) {
		struct block_entry *entry = &overlay->map.entries[i];

		if (!entry->used)
			continue;
		count += (uint64_t)__builtin_popcount(entry->new_sectors);
		entry->new_sectors = 0;
	}
	overlay_unlock(overlay);
	return count;
}
