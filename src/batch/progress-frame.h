/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of the live lines: a pure function of the progress and the size of the terminal. */
#ifndef BOOTSHIFT_BATCH_PROGRESS_FRAME_H
#define BOOTSHIFT_BATCH_PROGRESS_FRAME_H

#include <stddef.h>

#include "report/output.h"
#include "util/vector.h"

/* The rate is computed from this number of images that ended last. */
#define PROGRESS_RATE_IMAGES 64

struct progress_slot {
	char *path; /* NULL: the slot is free */
	enum bs_phase phase;
	uint64_t since; /* when the image began */
};

DEFINE_VECTOR(progress_slots, struct progress_slot);

/* Times are in milliseconds since the batch began. */
struct progress_state {
	uint64_t now;
	uint64_t total, done;                /* images */
	uint64_t statuses[BS_STATUS_COUNT];  /* number of images with each outcome */
	uint64_t ends[PROGRESS_RATE_IMAGES]; /* when image i ended, at i % PROGRESS_RATE_IMAGES */
	struct progress_slots slots;
};

/*
 * Prints the lines and returns their number, which is from 1 to rows - 1.  Each is at most
 * columns - 1 wide, so that no terminal wraps it.  `columns` is at least 20, `rows` at least 2.
 */
unsigned progress_frame(struct output *output, const struct progress_state *state, unsigned columns,
			unsigned rows);

#endif
