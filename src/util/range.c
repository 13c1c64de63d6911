/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/range.h"

int range_vector_extend(struct range_vector *ranges, struct range range, struct bs_error *err)
{
	struct range *last = ranges->count > 0 ? &ranges->items[ranges->count - 1] : NULL;

	if (!last || range_end(*last) != range.offset)
		return range_vector_append(ranges, range, err);
	last->length += range.length;
	return 0;
}

static int range_compare(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

void range_vector_merge(struct range_vector *ranges)
{
	struct range *items = ranges->items;
	size_t kept = 0;

	if (ranges->count > 0)
		qsort(items, ranges->count, sizeof(*items), range_compare);
	for (size_t i = 0; i < ranges->count; i++) {
		struct range *last = kept > 0 ? &items[kept - 1] : NULL;

		if (!last || items[i].offset > range_end(*last))
			items[kept++] = items[i];
		else
			*last = range_from_to(last->offset,
					      max_u64(range_end(*last), range_end(items[i])));
	}
	ranges->count = kept;
}

const struct range *range_vector_find(const struct range_vector *ranges, uint64_t offset)
{
	size_t low = 0, high = ranges->count;

	while (low < high) { /* ends: each turn halves what is left */
		size_t middle = low + (high - low) / 2;

		if (range_end(ranges->items[middle]) > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low < ranges->count ? &ranges->items[low] : NULL;
}

bool range_vector_contains(const struct range_vector *ranges, struct range range)
{
	const struct range *found = range_vector_find(ranges, range.offset);

	return found && range_contains(*found, range);
}
