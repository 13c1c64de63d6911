/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts the changed extents at the image's holes and at its end; see ranges.h. */
#include "transaction/ranges.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/bytes.h"

/* A range that falls into a hole grows by less than a block at either end. */
#define EXTENT_MAX (JOURNAL_RANGE_MAX - 2 * JOURNAL_BLOCK_SIZE)

static uint64_t ranges_floor(uint64_t offset)
{
	return offset / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
}

static uint64_t ranges_ceiling(uint64_t offset)
{
	return ranges_floor(offset + JOURNAL_BLOCK_SIZE - 1);
}

static int ranges_add(struct range_list *list, enum journal_kind kind, uint64_t start, uint64_t end,
		      struct bs_error *err)
{
	return journal_ranges_append(&list->ranges,
				     (struct journal_range){kind, start, end - start}, err);
}

/*
 * Sets *is_hole to the kind of the image's block that begins at `block`, and *end to where the
 * kind changes: a multiple of the block size, or the image's length.
 */
static int ranges_find_stretch(const struct target *image, uint64_t block, bool *is_hole,
			       uint64_t *end, struct bs_error *err)
{
	uint64_t length = image->status.length, data, hole;

	if (target_seek(image, block, SEEK_DATA, &data, err) < 0)
		return -1;
	data = min_u64(data, length);
	*end = data == length ? length : ranges_floor(data);
	*is_hole = *end > block;
	if (*is_hole)
		return 0;
	if (target_seek(image, data, SEEK_HOLE, &hole, err) < 0)
		return -1;
	*end = min_u64(ranges_ceiling(hole), length);
	return 0;
}

/* Adds the changed extent [start, end). */
static int ranges_add_extent(struct range_list *list, const struct target *image, uint64_t start,
			     uint64_t end, struct bs_error *err)
{
	uint64_t length = image->status.length, range_end;

	while (start < end && start < length) { /* each turn adds a range that ends beyond start */
		uint64_t block = ranges_floor(start);
		bool is_hole;

		if (ranges_find_stretch(image, block, &is_hole, &range_end, err) < 0)
			return -1;
		range_end = min_u64(range_end, is_hole ? ranges_ceiling(end) : end);
		if (ranges_add(list, is_hole ? JOURNAL_HOLE : JOURNAL_DATA, is_hole ? block : start,
			       range_end, err) < 0)
			return -1;
		start = range_end;
	}
	return start < end ? ranges_add(list, JOURNAL_BEYOND, start, end, err) : 0;
}

static int ranges_add_extents(struct range_list *list, struct overlay *overlay,
			      const struct target *image, struct bs_error *err)
{
	struct range_vector extents;
	uint64_t done = 0; /* the end of the last range, which may cover the next extent */
	int result = -1;

	if (overlay_extents(overlay, EXTENT_MAX, &extents, err) < 0)
		return -1;
	for (size_t i = 0; i < extents.count; i++) {
		uint64_t start = extents.items[i].offset, end = range_end(extents.items[i]);

		if (ranges_add_extent(list, image, max_u64(start, done), end, err) < 0)
			goto out;
		if (list->ranges.count > 0) {
			const struct journal_range *last =
				&list->ranges.items[list->ranges.count - 1];

			done = last->offset + last->length;
		}
	}
	result = 0;
out:
	range_vector_free(&extents);
	return result;
}

static int ranges_add_zone(struct range_list *list, uint64_t size, const struct guard_zone *zone,
			   struct bs_error *err)
{
	uint64_t end = zone->offset + zone->length;

	if (!range_within(zone->offset, zone->length, size))
		return fail(err, BS_OUT_OF_RANGE, "a guard zone lies past the image's end");
	for (uint64_t start = zone->offset; start < end; start += JOURNAL_RANGE_MAX)
		if (ranges_add(list, JOURNAL_GUARD, start, min_u64(start + JOURNAL_RANGE_MAX, end),
			       err) < 0)
			return -1;
	return 0;
}

int ranges_collect(struct overlay *overlay, const struct target *image,
		   const struct guard_zone *zones, size_t zone_count, struct range_list *list,
		   struct bs_error *err)
{
	*list = (struct range_list){0};
	if (ranges_add_extents(list, overlay, image, err) < 0)
		return -1;
	list->image_count = list->ranges.count;
	for (size_t i = 0; i < zone_count; i++)
		if (ranges_add_zone(list, disk_size(overlay_disk(overlay)), &zones[i], err) < 0)
			return -1;
	return 0;
}
