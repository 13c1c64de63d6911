/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts the changed extents at the image's holes and at its end; see ranges.h. */
#include "transaction/ranges.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/bytes.h"

/* A range grows by less than a block at either end when it falls into a hole. */
#define EXTENT_MAX (JOURNAL_RANGE_MAX - 2 * JOURNAL_BLOCK_SIZE)

static uint64_t block_floor(uint64_t offset)
{
	return offset / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
}

static uint64_t block_ceiling(uint64_t offset)
{
	return block_floor(offset + JOURNAL_BLOCK_SIZE - 1);
}

static int add_range(struct range_list *list, enum journal_kind kind, uint64_t start, uint64_t end,
		     struct bs_error *err)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
		void *ranges = reallocarray(list->ranges, capacity, sizeof(*list->ranges));

		if (!ranges)
			return fail_memory(err);
		list->ranges = ranges;
		list->capacity = capacity;
	}
	list->ranges[list->count++] = (struct journal_range){kind, start, end - start};
	return 0;
}

/* How far the image's blocks from the one at `position` on are of one kind: data or hole. */
struct stretch {
	bool is_hole;
	uint64_t end; /* at most the image's length; a multiple of the block size, or the length */
};

/* `block` is the start of a block and less than the image's length. */
static int find_stretch(const struct target *image, uint64_t block, struct stretch *stretch,
			struct bs_error *err)
{
	uint64_t length = image->status.length, data, hole;

	if (target_seek(image, block, SEEK_DATA, &data, err) < 0)
		return -1;
	data = min_u64(data, length);
	stretch->end = data == length ? length : block_floor(data);
	stretch->is_hole = stretch->end > block;
	if (stretch->is_hole)
		return 0;
	if (target_seek(image, data, SEEK_HOLE, &hole, err) < 0)
		return -1;
	stretch->end = min_u64(block_ceiling(hole), length);
	return 0;
}

/* Adds [start, end), a changed extent, from the end of the last range on. */
static int add_extent(struct range_list *list, const struct target *image, uint64_t start,
		      uint64_t end, struct bs_error *err)
{
	uint64_t length = image->status.length;

	while (start < end && start < length) { /* each turn adds a range that ends beyond start */
		uint64_t block = block_floor(start), range_end;
		struct stretch stretch;

		if (find_stretch(image, block, &stretch, err) < 0)
			return -1;
		if (stretch.is_hole)
			range_end = min_u64(stretch.end, block_ceiling(end));
		else
			range_end = min_u64(stretch.end, end);
		if (add_range(list, stretch.is_hole ? JOURNAL_HOLE : JOURNAL_DATA,
			      stretch.is_hole ? block : start, range_end, err) < 0)
			return -1;
		start = range_end;
	}
	if (start < end)
		return add_range(list, JOURNAL_BEYOND, start, end, err);
	return 0;
}

static int add_extents(struct range_list *list, struct overlay *overlay, const struct target *image,
		       struct bs_error *err)
{
	struct overlay_extent *extents = NULL;
	size_t count = 0;
	uint64_t end =
		0; /* of the last range: one that grew to a block may cover the next extent */
	int result = -1;

	if (overlay_extents(overlay, EXTENT_MAX, &extents, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		uint64_t start = extents[i].offset, extent_end = start + extents[i].length;

		if (add_extent(list, image, start > end ? start : end, extent_end, err) < 0)
			goto out;
		if (list->count > 0) {
			const struct journal_range *last = &list->ranges[list->count - 1];

			end = last->offset + last->length;
		}
	}
	result = 0;
out:
	free(extents);
	return result;
}

static int add_zone(struct range_list *list, uint64_t size, const struct guard_zone *zone,
		    struct bs_error *err)
{
	uint64_t end = zone->offset + zone->length;

	if (!range_within(zone->offset, zone->length, size))
		return fail(err, BS_OUT_OF_RANGE, "a guard zone lies past the image's end");
	for (uint64_t start = zone->offset; start < end; start += JOURNAL_RANGE_MAX)
		if (add_range(list, JOURNAL_GUARD, start, min_u64(start + JOURNAL_RANGE_MAX, end),
			      err) < 0)
			return -1;
	return 0;
}

int ranges_collect(struct overlay *overlay, const struct target *image,
		   const struct guard_zone *zones, size_t zone_count, struct range_list *list,
		   struct bs_error *err)
{
	*list = (struct range_list){0};
	if (add_extents(list, overlay, image, err) < 0)
		return -1;
	list->image_count = list->count;
	for (size_t i = 0; i < zone_count; i++)
		if (add_zone(list, disk_size(overlay_disk(overlay)), &zones[i], err) < 0)
			return -1;
	return 0;
}

void ranges_free(struct range_list *list)
{
	free(list->ranges);
	*list = (struct range_list){0};
}
