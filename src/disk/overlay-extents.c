/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has changed, for the commit: the blocks that were written, compared with the disk below
 * sector by sector.  The lock is held by overlay_extents() for all of it.
 */
#include <stdlib.h>

#include "disk/overlay-view.h"
#include "util/bytes.h"

#define BATCH_BLOCKS 64u /* compared with the disk below in one go: 256 KiB */
#define BATCH_SIZE   (BATCH_BLOCKS * OVERLAY_BLOCK_SIZE)

/* The extents so far, and the buffers to find more. */
struct comparison {
	struct overlay *overlay;
	uint64_t maximum_length;
	struct range_vector extents;
	uint8_t above[BATCH_SIZE], below[BATCH_SIZE];
};

/* Sectors come in order, so a new one goes behind the last extent or begins the next. */
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

/* Compares [offset, offset + length), which is at most a batch, and adds what differs. */
static int extents_compare_batch(struct comparison *comparison, uint64_t offset, size_t length,
				 struct bs_error *err)
{
	struct disk *below = comparison->overlay->below;
	size_t common = 0; /* how much of it the disk below has */

	if (offset < disk_size(below))
		common = (size_t)min_u64(length, disk_size(below) - offset);
	memset(comparison->below + common, 0, length - common);
	if (overlay_view_read(comparison->overlay, offset, comparison->above, length, err) < 0 ||
	    disk_read(below, offset, comparison->below, common, err) < 0)
		return -1;
	for (size_t at = 0; at < length; at += SECTOR_SIZE) {
		size_t part = (size_t)min_u64(SECTOR_SIZE, length - at);

		if (memcmp(comparison->above + at, comparison->below + at, part) == 0)
			continue;
		if (extents_add_sector(comparison, offset + at, part, err) < 0)
			return -1;
	}
	return 0;
}

/* Compares `count` blocks from `first` on, which the view has at least a part of. */
static int extents_compare_blocks(struct comparison *comparison, uint64_t first, uint64_t count,
				  struct bs_error *err)
{
	uint64_t offset = first * OVERLAY_BLOCK_SIZE;
	uint64_t end =
		min_u64(offset + count * OVERLAY_BLOCK_SIZE, disk_size(&comparison->overlay->disk));

	while (offset < end) {
		size_t length = (size_t)min_u64(end - offset, BATCH_SIZE);

		if (extents_compare_batch(comparison, offset, length, err) < 0)
			return -1;
		offset += length;
	}
	return 0;
}

/* Compares the blocks of a sorted list, runs of neighbours together. */
static int extents_compare_list(struct comparison *comparison, const uint64_t *blocks, size_t count,
				struct bs_error *err)
{
	size_t i = 0;

	while (i < count) {
		size_t run = 1;

		while (i + run < count && blocks[i + run] == blocks[i] + run)
			run++;
		if (extents_compare_blocks(comparison, blocks[i], run, err) < 0)
			return -1;
		i += run;
	}
	return 0;
}

/*
 * Compares what can differ: the blocks of the list, and what was cut off and has grown again,
 * [below_end, the end of the disk below), where the view has zeros without any write.
 */
static int extents_compare_changes(struct comparison *comparison, const uint64_t *blocks,
				   size_t count, struct bs_error *err)
{
	const struct overlay *overlay = comparison->overlay;
	uint64_t end = min_u64(overlay->disk.size, disk_size(overlay->below));
	uint64_t first_cut, end_cut;
	size_t before = 0, after;

	if (overlay->below_end >= end)
		return extents_compare_list(comparison, blocks, count, err);
	first_cut = overlay->below_end / OVERLAY_BLOCK_SIZE;
	end_cut = overlay_block_count(end);
	while (before < count && blocks[before] < first_cut)
		before++;
	after = before;
	while (after < count && blocks[after] < end_cut)
		after++;
	if (extents_compare_list(comparison, blocks, before, err) < 0 ||
	    extents_compare_blocks(comparison, first_cut, end_cut - first_cut, err) < 0)
		return -1;
	return extents_compare_list(comparison, blocks + after, count - after, err);
}

static int extents_compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* The numbers of the blocks in the map, sorted; the caller frees them.  NULL: no memory. */
static uint64_t *extents_list_blocks(const struct block_map *map)
{
	uint64_t *blocks = calloc(map->count + 1, sizeof(*blocks));
	size_t count = 0;

	if (!blocks)
		return NULL;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->entries[i].used)
			blocks[count++] = map->entries[i].block;
	qsort(blocks, count, sizeof(*blocks), extents_compare_numbers);
	return blocks;
}

static int extents_list(struct overlay *overlay, uint64_t maximum_length,
			struct range_vector *extents, struct bs_error *err)
{
	struct comparison *comparison = malloc(sizeof(*comparison));
	uint64_t *blocks = extents_list_blocks(&overlay->map);
	int result = -1;

	if (!comparison || !blocks) {
		fail_memory(err);
		goto out;
	}
	comparison->overlay = overlay;
	comparison->maximum_length = maximum_length;
	comparison->extents = (struct range_vector){0};
	result = extents_compare_changes(comparison, blocks, overlay->map.count, err);
	if (result < 0)
		range_vector_free(&comparison->extents);
	*extents = comparison->extents;
out:
	free(blocks);
	free(comparison);
	return result;
}

int overlay_extents(struct overlay *overlay, uint64_t maximum_length, struct range_vector *extents,
		    struct bs_error *err)
{
	int result;

	*extents = (struct range_vector){0};
	overlay_lock(overlay);
	result = extents_list(overlay, maximum_length, extents, err);
	overlay_unlock(overlay);
	return result;
}
