/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ranges of bytes, and lists of ranges.  The caller may also count in clusters or sectors.
 *
 * offset + length must not overflow.  Code that makes a range from untrusted numbers checks the
 * numbers first, with range_within() or add_u64() of bytes.h.
 */
#ifndef BOOTSHIFT_UTIL_RANGE_H
#define BOOTSHIFT_UTIL_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/bytes.h"
#include "util/vector.h"

struct range {
	uint64_t offset, length;
};

/* The offset behind the range. */
static inline uint64_t range_end(struct range range)
{
	return range.offset + range.length;
}

/* The range [start, end). */
static inline struct range range_from_to(uint64_t start, uint64_t end)
{
	return (struct range){start, end - start};
}

/* Whether `offset` lies in the range. */
static inline bool range_has(struct range range, uint64_t offset)
{
	return offset >= range.offset && offset - range.offset < range.length;
}

/* Whether all of `inner` lies in `outer`. */
static inline bool range_contains(struct range outer, struct range inner)
{
	return inner.offset >= outer.offset && range_end(inner) <= range_end(outer);
}

/* The common part of both ranges; its length is 0 if the ranges do not overlap. */
static inline struct range range_intersect(struct range a, struct range b)
{
	uint64_t start = max_u64(a.offset, b.offset), end = min_u64(range_end(a), range_end(b));

	return range_from_to(start, max_u64(start, end));
}

static inline bool range_overlaps(struct range a, struct range b)
{
	return range_intersect(a, b).length > 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* See vector.h. */
DEFINE_VECTOR(range_vector, struct range);

/* Appends a range, or extends the last range if the new range follows it directly. */
MUST_CHECK int range_vector_extend(struct range_vector *ranges, struct range range,
				   struct bs_error *err);

/* Sorts the ranges by offset and joins ranges that touch or overlap. */
void range_vector_merge(struct range_vector *ranges);

/*
 * Returns the range that contains `offset`, or else the next range; NULL if there is no such range.
 * The ranges must be sorted and must not overlap.
 */
const struct range *range_vector_find(const struct range_vector *ranges, uint64_t offset);

/* Whether one of the ranges contains all of `range`.  The ranges must be sorted and merged. */
bool range_vector_contains(const struct range_vector *ranges, struct range range);

#endif
