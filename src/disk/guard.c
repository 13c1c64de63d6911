/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The allowed ranges are kept sorted by rule and offset, none touching another of its rule: a write
 * is allowed exactly when one of them holds all of it, and the rule allows its bytes.
 */
#include "disk/guard.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/bytes.h"

struct guard {
	struct disk disk;
	struct disk *below;
	struct guard_range *ranges;
	size_t count;
};

static bool rule_allows(enum guard_rule rule, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && rule == GUARD_ACTIVE_FLAG; i++)
		if (bytes[i] != 0x00 && bytes[i] != 0x80)
			return false;
	return true;
}

static bool is_allowed(const struct guard *guard, uint64_t offset, const void *bytes, size_t length)
{
	for (size_t i = 0; i < guard->count; i++) {
		const struct guard_range *range = &guard->ranges[i];

		if (offset >= range->offset &&
		    range_within(offset - range->offset, length, range->length) &&
		    rule_allows(range->rule, bytes, length))
			return true;
	}
	return false;
}

static int guard_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	return disk_read(((struct guard *)disk)->below, offset, buffer, length, err);
}

static int guard_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		       struct bs_error *err)
{
	struct guard *guard = (struct guard *)disk;

	if (!is_allowed(guard, offset, buffer, length))
		return fail(err, BS_GUARD,
			    "a write of %zu bytes at %" PRIu64 " is outside of what a fix changes",
			    length, offset);
	return disk_write(guard->below, offset, buffer, length, err);
}

static int guard_flush(struct disk *disk, struct bs_error *err)
{
	return disk_flush(((struct guard *)disk)->below, err);
}

static void guard_close(struct disk *disk)
{
	struct guard *guard = (struct guard *)disk;

	free(guard->ranges);
	free(guard);
}

static const struct disk_operations guard_operations = {
	.read = guard_read,
	.write = guard_write,
	.flush = guard_flush,
	.close = guard_close,
};

struct guard *guard_open(struct disk *below, struct bs_error *err)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard) {
		fail(err, BS_NO_MEMORY, "no memory for the guard");
		return NULL;
	}
	guard->disk.operations = &guard_operations;
	guard->disk.size = disk_size(below);
	guard->below = below;
	return guard;
}

struct disk *guard_disk(struct guard *guard)
{
	return &guard->disk;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct guard_range *left = a, *right = b;

	if (left->rule != right->rule)
		return left->rule < right->rule ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Sorts and merges in place; returns how many are left.  The ranges lie within the disk. */
static size_t normalise(struct guard_range *ranges, size_t count)
{
	size_t kept = 0;

	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		struct guard_range *last = kept > 0 ? &ranges[kept - 1] : NULL;
		uint64_t end = ranges[i].offset + ranges[i].length;

		if (!last || ranges[i].rule != last->rule ||
		    ranges[i].offset > last->offset + last->length)
			ranges[kept++] = ranges[i];
		else if (end > last->offset + last->length)
			last->length = end - last->offset;
	}
	return kept;
}

int guard_allow(struct guard *guard, const struct guard_range *ranges, size_t count,
		struct bs_error *err)
{
	struct guard_range *copy;

	for (size_t i = 0; i < count; i++)
		if (!range_within(ranges[i].offset, ranges[i].length, guard->disk.size))
			return fail(err, BS_OUT_OF_RANGE,
				    "%" PRIu64 " bytes at %" PRIu64 " do not lie within the disk",
				    ranges[i].length, ranges[i].offset);
	/* One more than needed, so that NULL means no memory also for an empty list. */
	copy = calloc(count + 1, sizeof(*copy));
	if (!copy)
		return fail(err, BS_NO_MEMORY, "no memory for the guard");
	if (count > 0)
		memcpy(copy, ranges, count * sizeof(*copy));
	free(guard->ranges);
	guard->ranges = copy;
	guard->count = normalise(copy, count);
	return 0;
}

bool guard_is_closed(const struct guard *guard)
{
	return guard->count == 0;
}
