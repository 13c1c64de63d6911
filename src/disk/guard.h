/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard: passes every read, and only those writes that lie wholly within the allowed ranges and
 * have only bytes that are allowed there.  It protects the disk even when the process that asks for
 * the writes has been taken over, so it trusts nothing but the ranges that its owner gave it.
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
 * Puts a guard before `below`, which must outlive it.  No write is allowed yet.  NULL: no memory.
 */
MUST_CHECK struct guard *guard_open(struct disk *below, struct bs_error *err);

/*
 * The guard as a disk; freed with disk_close() on it.  A write that is not allowed is an error,
 * BS_GUARD, and nothing of it reaches the disk below.
 */
struct disk *guard_disk(struct guard *guard);

/*
 * Allows writes within `ranges`, which are copied and may lie in any order, and takes back what
 * was allowed before.  Ranges of one rule that touch or overlap count as one.  On error the guard
 * is as it was: BS_OUT_OF_RANGE for a range that does not lie within the disk, BS_NO_MEMORY.
 */
MUST_CHECK int guard_allow(struct guard *guard, const struct guard_range *ranges, size_t count,
			   struct bs_error *err);

/* Whether no write at all is allowed. */
bool guard_is_closed(const struct guard *guard);

#endif
