/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads that follow each other are one range at once; the rest is put in order when taken. */
#include "disk/watch.h"

#include <stdlib.h>

int watch_add(struct watch *watch, uint64_t offset, uint64_t length, struct bs_error *err)
{
	struct overlay_extent *last = watch->count > 0 ? &watch->ranges[watch->count - 1] : NULL;

	if (!watch->on)
		return 0;
	if (last && last->offset + last->length == offset) {
		last->length += length;
		return 0;
	}
	if (watch->count == watch->capacity) {
		size_t capacity = watch->capacity * 2 + 64;
		void *grown = reallocarray(watch->ranges, capacity, sizeof(*watch->ranges));

		if (!grown)
			return fail(err, BS_NO_MEMORY, "no memory for the list of reads");
		watch->ranges = grown;
		watch->capacity = capacity;
	}
	/* Never NULL: there is room now, and a list without room was just made. */
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
	watch->ranges[watch->count++] = (struct overlay_extent){offset, length};
	return 0;
}

static int compare_offsets(const void *a, const void *b)
{
	const struct overlay_extent *left = a, *right = b;

	return (left->offset > right->offset) - (left->offset < right->offset);
}

void watch_take(struct watch *watch, struct overlay_extent **ranges, size_t *count)
{
	struct overlay_extent *all = watch->ranges;
	size_t kept = 0;

	if (watch->count > 0)
		qsort(all, watch->count, sizeof(*all), compare_offsets);
	for (size_t i = 0; i < watch->count; i++) {
		struct overlay_extent *last = kept > 0 ? &all[kept - 1] : NULL;
		uint64_t end = all[i].offset + all[i].length;

		if (!last || all[i].offset > last->offset + last->length)
			all[kept++] = all[i];
		else if (end > last->offset + last->length)
			last->length = end - last->offset;
	}
	*ranges = all;
	*count = kept;
	*watch = (struct watch){.on = watch->on};
}

void watch_reset(struct watch *watch)
{
	free(watch->ranges);
	*watch = (struct watch){0};
}
