/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The work of one process of a batch on one image: calls the library, and sends the phases and the
 * row to the batch process (pool.h).
 */
#ifndef BOOTSHIFT_BATCH_ATTEMPT_H
#define BOOTSHIFT_BATCH_ATTEMPT_H

#include "batch/find.h"
#include "batch/pool.h"
#include "rows/row.h"
#include "util/clock.h"

enum attempt_kind {
	ATTEMPT_FIX,
	ATTEMPT_REHEARSE, /* a dry run */
	ATTEMPT_UNDO,     /* an image that is not fixed any more has nothing to do */
	/*
	 * After the process of another attempt died.  The row says what became of the image, not
	 * why the process died.
	 */
	ATTEMPT_RECOVER,  /* undoes an interrupted change */
	ATTEMPT_UNDO_FIX, /* undoes a fix, also one that was committed but not verified */
};

/* All pointers are borrowed. */
struct attempt {
	enum attempt_kind kind;
	const struct find_image *image;
	struct bs_options options;
	const char *command; /* for the row */
	uint64_t begun;      /* when the batch began; see row.h */
	/*
	 * An earlier run was killed.  It may have fixed images without writing their rows, and its
	 * processes may still run for a moment.
	 */
	bool resumed;
	struct deadline wait; /* how long to wait for an image in use; not set: not at all */
};

/* For rows that are not made in the process of the attempt. */
struct row_subject attempt_subject(const struct attempt *attempt);

/* Runs in the process of the attempt; `task` is a struct attempt. */
pool_work attempt_run;

#endif
