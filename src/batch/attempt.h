/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one process of a batch does with one image: it calls the library, sends the phases on, and
 * in the end the row (pool.h).
 */
#ifndef BOOTSHIFT_BATCH_ATTEMPT_H
#define BOOTSHIFT_BATCH_ATTEMPT_H

#include "batch/find.h"
#include "batch/pool.h"
#include "rows/row.h"

enum attempt_kind {
	ATTEMPT_FIX,
	ATTEMPT_REHEARSE, /* a dry run */
	ATTEMPT_UNDO,     /* an image that turns out to be not fixed any more has nothing to do */
	/* What comes after one that died.  The row says what became of the image, not why. */
	ATTEMPT_RECOVER,   /* takes back what was interrupted */
	ATTEMPT_TAKE_BACK, /* the same, of a fix that may have come to its end but was not verified
			    */
};

/* Everything is borrowed. */
struct attempt {
	enum attempt_kind kind;
	const struct find_image *image;
	struct bs_options options;
	const char *command; /* for the row */
	uint64_t begun;      /* when the batch began; see row.h */
	/*
	 * An earlier run was killed: it may have fixed images that it has not told, and its
	 * processes may still be about to end.
	 */
	bool resumed;
	/* Until then, of clock_milliseconds(), an image is waited for that such a process still
	 * has; 0: not at all. */
	uint64_t patience;
};

/* What to say of the image in rows that are not made in its process. */
struct row_subject attempt_subject(const struct attempt *attempt);

/* `task` is a struct attempt. */
pool_work attempt_run;

#endif
