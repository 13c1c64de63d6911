/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live lines of a batch as a pure function of how far it is and of the terminal's size. */
#ifndef BOOTSHIFT_BATCH_PROGRESS_FRAME_H
#define BOOTSHIFT_BATCH_PROGRESS_FRAME_H

#include <stddef.h>

#include "report/output.h"

/* The rate is that of so many images that ended last. */
#define PROGRESS_PACE 64

struct progress_slot {
	char *path; /* NULL: nothing runs here */
	enum bs_phase phase;
	uint64_t since; /* when the image was begun */
};

/* Times are in milliseconds since the batch was begun. */
struct progress_state {
	uint64_t now;
	uint64_t total, done;
	uint64_t statuses[BS_STATUS_COUNT]; /* of those that are done */
	uint64_t ends[PROGRESS_PACE];       /* when image i ended, at i % PROGRESS_PACE */
	struct progress_slot *slots;
	size_t slot_count;
};

/*
 * Prints the lines, each at most columns - 1 wide so that no terminal wraps it, and returns their
 * number, which is from 1 to rows - 1.  `columns` is at least 20, `rows` at least 2.
 */
unsigned progress_frame(struct output *output, const struct progress_state *state, unsigned columns,
			unsigned rows);

#endif
