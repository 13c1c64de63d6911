/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recorder of an overlay: a list of the byte ranges that were read while it was on.
 */
#ifndef BOOTSHIFT_WATCH_H
#define BOOTSHIFT_WATCH_H

#include <stdbool.h>

#include "disk/overlay.h"

/* All zeros is a recorder that is off and has nothing. */
struct watch {
	bool on;
	struct overlay_extent *ranges; /* in the order of the reads */
	size_t count, capacity;
};

/* Records a range if the recorder is on.  BS_NO_MEMORY. */
MUST_CHECK int watch_add(struct watch *watch, uint64_t offset, uint64_t length,
			 struct bs_error *err);

/*
 * Hands over what was recorded, sorted by offset and none touching another, and begins anew.  The
 * caller frees *ranges, which may be NULL when *count is 0.
 */
void watch_take(struct watch *watch, struct overlay_extent **ranges, size_t *count);

/* Forgets what was recorded and turns the recorder off. */
void watch_reset(struct watch *watch);

#endif
