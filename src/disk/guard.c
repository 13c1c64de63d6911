/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard keeps the allowed ranges of each rule sorted and merged.  It allows a write exactly
 * when one range contains the whole write and the rule of this range allows the bytes.
 */
#include "disk/guard.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/range.h"

struct guard {
	struct disk disk;
	struct disk *below;
	struct range_vector allowed[GUARD_RULES];
	struct bs_error failure; /* the first of the disk below; BS_OK: none */
	struct {
		uint64_t offset;
		uint8_t bytes[GUARD_EXACT_MAX];
		size_t length; /* 0: no exact write is allowed */
	} exact;
};

static bool guard_rule_allows(enum guard_rule rule, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && rule == GUARD_ACTIVE_FLAG; i++)
		if (bytes[i] != 0x00 && bytes[i] != 0x80)
			return false;
	return true;
}

static bool guard_is_exact(const struct guard *guard, uint64_t offset, const void *bytes,
			   size_t length)
{
	return length != 0 && length == guard->exact.length && offset == guard->exact.offset &&
	       memcmp(bytes, guard->exact.bytes, length) == 0;
}

static bool guard_allows(const struct guard *guard, uint64_t offset, const void *bytes,
			 size_t length)
{
	for (enum guard_rule rule = 0; rule < GUARD_RULES; rule++)
		if (range_vector_contains(&guard->allowed[rule], (struct range){offset, length}) &&
		    guard_rule_allows(rule, bytes, length))
			return true;
	return guard_is_exact(guard, offset, bytes, length);
}

/* Keeps the first error of the disk below. */
static int guard_note(struct guard *guard, int result, const struct bs_error *err)
{
	if (result < 0 && guard->failure.code == BS_OK)
		guard->failure = *err;
	return result;
}

static int guard_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		      struct bs_error *err)
{
	struct guard *guard = (struct guard *)disk;

	return guard_note(guard, disk_read(guard->below, offset, buffer, length, err), err);
}

static int guard_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
		       struct bs_error *err)
{
	struct guard *guard = (struct guard *)disk;

	if (!guard_allows(guard, offset, buffer, length))
		return fail(err, BS_GUARD,
			    "a write of %zu bytes at %" PRIu64 " is outside of what a fix changes",
			    length, offset);
	return guard_note(guard, disk_write(guard->below, offset, buffer, length, err), err);
}

static int guard_flush(struct disk *disk, struct bs_error *err)
{
	struct guard *guard = (struct guard *)disk;

	return guard_note(guard, disk_flush(guard->below, err), err);
}

static void guard_free_ranges(struct range_vector allowed[GUARD_RULES])
{
	for (size_t rule = 0; rule < GUARD_RULES; rule++)
		range_vector_free(&allowed[rule]);
}

static void guard_close(struct disk *disk)
{
	struct guard *guard = (struct guard *)disk;

	guard_free_ranges(guard->allowed);
	free(guard);
}

static int guard_descriptor(const struct disk *disk)
{
	return disk_descriptor(((const struct guard *)disk)->below);
}

static const struct disk_operations guard_operations = {
	.read = guard_read,
	.write = guard_write,
	.flush = guard_flush,
	.close = guard_close,
	.descriptor = guard_descriptor,
};

struct guard *guard_open(struct disk *below, struct bs_error *err)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard) {
		fail_memory(err);
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

/* Collects the ranges of one rule.  The caller frees *allowed, also on error. */
static int guard_collect(const struct guard *guard, enum guard_rule rule,
			 const struct guard_range *ranges, size_t count,
			 struct range_vector *allowed, struct bs_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct range range = {ranges[i].offset, ranges[i].length};

		if (!range_within(range.offset, range.length, guard->disk.size))
			return fail(err, BS_OUT_OF_RANGE,
				    "%" PRIu64 " bytes at %" PRIu64 " do not lie within the disk",
				    range.length, range.offset);
		if (ranges[i].rule == rule && range_vector_append(allowed, range, err) < 0)
			return -1;
	}
	range_vector_merge(allowed);
	return 0;
}

int guard_allow(struct guard *guard, const struct guard_range *ranges, size_t count,
		struct bs_error *err)
{
	struct range_vector allowed[GUARD_RULES] = {0};

	for (size_t rule = 0; rule < GUARD_RULES; rule++)
		if (guard_collect(guard, rule, ranges, count, &allowed[rule], err) < 0) {
			guard_free_ranges(allowed);
			return -1;
		}
	guard_free_ranges(guard->allowed);
	memcpy(guard->allowed, allowed, sizeof(allowed));
	guard->exact.length = 0;
	return 0;
}

const struct bs_error *guard_failure(const struct guard *guard)
{
	return guard->failure.code == BS_OK ? NULL : &guard->failure;
}

void guard_allow_exact(struct guard *guard, uint64_t offset, const uint8_t *bytes, size_t length)
{
	assert(length <= GUARD_EXACT_MAX);
	memcpy(guard->exact.bytes, bytes, length);
	guard->exact.offset = offset;
	guard->exact.length = length;
}

bool guard_is_closed(const struct guard *guard)
{
	for (size_t rule = 0; rule < GUARD_RULES; rule++)
		if (guard->allowed[rule].count > 0)
			return false;
	return guard->exact.length == 0;
}
