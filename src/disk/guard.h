/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard passes every read.  It passes a write only if the write lies wholly within the allowed
 * ranges and has only bytes that are allowed there.  The guard protects the disk even from a
 * process that an attacker has taken over, so it trusts only the ranges that its owner gave it.
 */
#ifndef BOOTSHIFT_GUARD_H
#define BOOTSHIFT_GUARD_H

#include <stdbool.h>

#include "disk/disk.h"

struct guard;

enum guard_rule {
	GUARD_ANY_BYTES,
	GUARD_ACTIVE_FLAG, /* a partition's active flag: 0x00 or 0x80; older boot code stops at
			      any other byte */
	GUARD_RULES
};

struct guard_range {
	uint64_t offset, length; /* bytes */
	enum guard_rule rule;    /* for every byte that is written */
};

/*
 * Opens a guard over `below`, which must outlive it.  No write is allowed yet.  NULL: no memory.
 */
MUST_CHECK struct guard *guard_open(struct disk *below, struct bs_error *err);

/*
 * The guard as a disk; disk_close() on this disk frees the guard.  A write that is not allowed
 * fails with BS_GUARD, and no byte of the write reaches the disk below.
 */
struct disk *guard_disk(struct guard *guard);

/*
 * Allows writes within `ranges` instead of the ranges allowed before.  The ranges are copied and
 * may lie in any order.  Ranges of one rule that touch or overlap count as one.  On error the guard
 * does not change: BS_OUT_OF_RANGE for a range that does not lie within the disk, BS_NO_MEMORY.
 */
MUST_CHECK int guard_allow(struct guard *guard, const struct guard_range *ranges, size_t count,
			   struct bs_error *err);

/* The first error of the disk below, which belongs to the guard.  NULL: there was none. */
const struct bs_error *guard_failure(const struct guard *guard);

#define GUARD_EXACT_MAX 4 /* bytes */

/*
 * Allows one more write, until the next guard_allow(): exactly these bytes at exactly this offset.
 * `length` is at most GUARD_EXACT_MAX.  Replaces an exact write that was allowed before.
 */
void guard_allow_exact(struct guard *guard, uint64_t offset, const uint8_t *bytes, size_t length);

/* Whether the guard allows no writes. */
bool guard_is_closed(const struct guard *guard);

#endif
