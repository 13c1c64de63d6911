/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the changes for the commit: compares the written blocks with the disk below, sector by
 * sector.  Copies what was written to another disk.  Each function holds the lock the whole time.
 */
#include <stdlib.h>

#include "disk/overlay-view.h"
#include "util/bytes.h"
#include "util/memory.h"

#define BATCH_BLOCKS 128u /* compared at a time: 512 KiB */
#define BATCH_SIZE   (BATCH_BLOCKS * OVERLAY_BLOCK_SIZE)

/* The extents so far, and the buffers to find more. */
struct comparison {
	struct overlay *overlay;
	struct disk *disk; /* compared with the view: the disk below, or a disk that was written */
	uint64_t maximum_length;
	struct range_vector extents;
	uint8_t above[BATCH_SIZE], other[BATCH_SIZE];
};

/* Sectors come in order, so a sector lengthens the last extent or begins a new extent. */
static int extents_add_sector(struct comparison *comparison, uint64_t offset, size_t length,
			      struct bs_error *err)
{
	struct range_vector *extents = &comparison->extents;
	struct range sector = {offset, length};

	if (extents->count > 0 &&
	    extents->items[extents->count - 1].length + length > comparison->maximum_length)
		return range_vector_append(extents, sector, err);
	return range_vector_extend(extents, sector, err);
}

/* Compares [offset, offset + length), at most BATCH_SIZE bytes, and adds sectors that differ. */
static int extents_compare_batch(struct comparison *comparison, uint64_t offset, size_t length,
				 struct bs_error *err)
{
	struct disk *disk = comparison->disk;
	size_t common = 0; /* how many of the bytes the disk has */

	if (offset < disk_size(disk))
		common = (size_t)min_u64(length, disk_size(disk) - offset);
	/* To read a hole, the kernel fills pages with zeros. */
	if (common > 0 && disk_is_hole(disk, offset, common))
		common = 0;
	memset(comparison->other + common, 0, length - common);
	if (overlay_view_read(comparison->overlay, offset, comparison->above, length, err) < 0 ||
	    disk_read(disk, offset, comparison->other, common, err) < 0)
		return -1;
	for (size_t at = 0; at < length; at += SECTOR_SIZE) {
		size_t part = (size_t)min_u64(SECTOR_SIZE, length - at);

		if (memcmp(comparison->above + at, comparison->other + at, part) == 0)
			continue;
		if (extents_add_sector(comparison, offset + at, part, err) < 0)
			return -1;
	}
	return 0;
}

/* Joins ranges that lie close together, so that they are read at once. */
static void extents_join(struct range_vector *blocks)
{
	size_t kept = 0;

	for (size_t i = 1; i < blocks->count; i++) {
		struct range *last = &blocks->items[kept], next = blocks->items[i];

		if (next.offset - range_end(*last) < BATCH_SIZE / 4)
			*last = range_from_to(last->offset, range_end(next));
		else
			blocks->items[++kept] = next;
	}
	blocks->count = blocks->count > 0 ? kept + 1 : 0;
}

/*
 * Lists the blocks that can differ, and some between them: the blocks of the map, and the blocks
 * that a resize has cut off and another resize has added again.  There the view has zeros without
 * any write.
 */
static int extents_list_blocks(const struct overlay *overlay, struct range_vector *blocks,
			       struct bs_error *err)
{
	const struct block_map *map = &overlay->map;
	uint64_t start = overlay->below_end / OVERLAY_BLOCK_SIZE * OVERLAY_BLOCK_SIZE;
	uint64_t end = min_u64(overlay->disk.size, disk_size(overlay->below));

	for (size_t i = 0; i < map->capacity; i++) {
		const struct block_entry *entry = &map->entries[i];
		struct range block = {entry->block * OVERLAY_BLOCK_SIZE, OVERLAY_BLOCK_SIZE};

		if (entry->used && range_vector_append(blocks, block, err) < 0)
			return -1;
	}
	if (overlay->below_end < end) {
		end = overlay_block_count(end) * OVERLAY_BLOCK_SIZE;
		if (range_vector_append(blocks, range_from_to(start, end), err) < 0)
			return -1;
	}
	range_vector_merge(blocks);
	extents_join(blocks);
	return 0;
}

/* Compares in batches the part of a range that lies in the view. */
static int extents_compare(struct comparison *comparison, struct range range, struct bs_error *err)
{
	uint64_t end = min_u64(range_end(range), comparison->overlay->disk.size);

	for (uint64_t offset = range.offset; offset < end; offset += BATCH_SIZE)
		if (extents_compare_batch(comparison, offset,
					  (size_t)min_u64(end - offset, BATCH_SIZE), err) < 0)
			return -1;
	return 0;
}

static int extents_list(struct overlay *overlay, struct disk *disk, uint64_t maximum_length,
			struct range_vector *extents, struct bs_error *err)
{
	struct comparison *comparison = memory_large(sizeof(*comparison));
	struct range_vector blocks = {0};
	int result = -1;

	if (!comparison) {
		fail_memory(err);
		goto out;
	}
	comparison->overlay = overlay;
	comparison->disk = disk;
	comparison->maximum_length = maximum_length;
	comparison->extents = (struct range_vector){0};
	result = extents_list_blocks(overlay, &blocks, err);
	for (size_t i = 0; i < blocks.count && result == 0; i++)
		result = extents_compare(comparison, blocks.items[i], err);
	if (result < 0)
		range_vector_free(&comparison->extents);
	*extents = comparison->extents;
out:
	range_vector_free(&blocks);
	free(comparison);
	return result;
}

int overlay_extents(struct overlay *overlay, uint64_t maximum_length, struct range_vector *extents,
		    struct bs_error *err)
{
	int result;

	*extents = (struct range_vector){0};
	overlay_lock(overlay);
	result = extents_list(overlay, overlay->below, maximum_length, extents, err);
	overlay_unlock(overlay);
	return result;
}

int overlay_check_written(struct overlay *overlay, struct disk *disk, struct bs_error *err)
{
	struct range_vector extents = {0};
	int result;

	if (disk_size(disk) != disk_size(overlay_disk(overlay)))
		return fail(err, BS_VERIFY, "the image has another length than what was verified");
	overlay_lock(overlay);
	result = extents_list(overlay, disk, UINT64_MAX, &extents, err);
	overlay_unlock(overlay);
	if (result == 0 && extents.count > 0)
		result = fail(err, BS_VERIFY, "the image's bytes at %llu are not what was verified",
			      (unsigned long long)extents.items[0].offset);
	range_vector_free(&extents);
	return result;
}

/* ---- written sectors ---------------------------------------------------------------------- */

/* Adds the written sectors of a block, as far as they lie in the view. */
static int written_add_block(const struct overlay *overlay, const struct block_entry *entry,
			     struct range_vector *written, struct bs_error *err)
{
	uint64_t offset = entry->block * OVERLAY_BLOCK_SIZE;

	for (unsigned sectors = entry->written_sectors; sectors; sectors >>= 1) {
		struct range sector = {offset, SECTOR_SIZE};

		offset += SECTOR_SIZE;
		if (!(sectors & 1) || sector.offset >= overlay->disk.size)
			continue;
		sector.length = min_u64(SECTOR_SIZE, overlay->disk.size - sector.offset);
		if (range_vector_extend(written, sector, err) < 0)
			return -1;
	}
	return 0;
}

static int written_list(const struct overlay *overlay, struct range_vector *written,
			struct bs_error *err)
{
	for (size_t i = 0; i < overlay->map.capacity; i++) {
		const struct block_entry *entry = &overlay->map.entries[i];

		if (entry->used && written_add_block(overlay, entry, written, err) < 0)
			return -1;
	}
	range_vector_merge(written);
	return 0;
}

static int written_copy(struct overlay *overlay, struct range range, struct disk *disk,
			uint8_t *chunk, struct bs_error *err)
{
	while (range.length > 0) {
		size_t part = (size_t)min_u64(range.length, OVERLAY_COPY_SIZE);

		if (overlay_view_read(overlay, range.offset, chunk, part, err) < 0 ||
		    disk_write(disk, range.offset, chunk, part, err) < 0)
			return -1;
		range = range_from_to(range.offset + part, range_end(range));
	}
	return 0;
}

/* Makes each range begin and end at a multiple of `unit` bytes, or end with the disk. */
static void written_round(struct range_vector *written, uint64_t unit, uint64_t size)
{
	for (size_t i = 0; i < written->count; i++) {
		struct range *range = &written->items[i];
		uint64_t end = (range_end(*range) + unit - 1) / unit * unit;

		*range = range_from_to(range->offset / unit * unit, min_u64(end, size));
	}
	range_vector_merge(written);
}

int overlay_copy_written(struct overlay *overlay, uint64_t unit, struct disk *disk,
			 struct bs_error *err)
{
	struct range_vector written = {0};
	uint8_t *chunk = memory_large(OVERLAY_COPY_SIZE);
	int result = -1;

	if (!chunk)
		return fail_memory(err);
	overlay_lock(overlay);
	result = written_list(overlay, &written, err);
	written_round(&written, unit, overlay->disk.size);
	for (size_t i = 0; i < written.count && result == 0; i++)
		result = written_copy(overlay, written.items[i], disk, chunk, err);
	overlay_unlock(overlay);
	range_vector_free(&written);
	free(chunk);
	return result;
}
