/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs an attempt on each image of a list, several at a time, each in a process of its own
 * (pool.h).
 *
 * What always holds:
 * - Each image that was begun ends with exactly one row, whatever happens to its process.
 * - If the process dies when it may have written to the image, the image is recovered before its
 *   row is reported.
 *
 * Signals that ask to stop:
 *   1st    no more images begin; rehearsals stop; images that are being written are finished.  A
 *          signal that is pending when the run starts counts
 *   2nd    all processes are killed; images that were being written are recovered from their
 *          journals
 *   3rd    the recoveries are killed too; the next command has to recover these images
 */
#ifndef BOOTSHIFT_BATCH_RUN_H
#define BOOTSHIFT_BATCH_RUN_H

#include "batch/find.h"
#include "batch/pool.h"
#include "batch/progress.h"
#include "util/clock.h"

#define RUN_SLOTS_MAX 512u

/* ---- an attempt: the work of one process on one image --------------------------------------- */

enum attempt_kind {
	ATTEMPT_FIX,
	ATTEMPT_REHEARSE,       /* a dry run */
	ATTEMPT_UNDO,           /* an image that is not fixed any more has nothing to do */
	ATTEMPT_FORESEE,        /* a dry run of an undo */
	ATTEMPT_ACCEPT,         /* ends the undo of an image */
	ATTEMPT_FORESEE_ACCEPT, /* a dry run of that */
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

/* The subject of rows that the batch process makes itself. */
struct row_subject attempt_subject(const struct attempt *attempt);

/* Runs in the process of the attempt; `task` is a struct attempt. */
pool_work attempt_run;

/* ---- the run -------------------------------------------------------------------------------- */

struct run_request {
	enum attempt_kind kind; /* one of the first six */
	const char *command;    /* for the rows */
	uint64_t begun;         /* as in struct attempt */
	bool resumed;           /* as in struct attempt */
	const struct bs_options *options;
	const struct find_image *images;
	size_t count;
	size_t slots;     /* images at the same time, 1 to RUN_SLOTS_MAX */
	unsigned timeout; /* seconds for one image, without waiting and recovery; 0: no limit */
	uint64_t failures_max;     /* begin no more images after so many failures; 0: no limit */
	struct progress *progress; /* gets all events; NULL: none */
	struct output *errors;     /* gets a line at the first signal; NULL: none */
	/* Called when an image ends.  Returns -1 to begin no more images. */
	int (*ended)(void *context, const struct row *row);
	void *context;
};

struct run_outcome {
	size_t begun;     /* number of images that were begun, the first in the list */
	bool interrupted; /* by a signal */
	bool gave_up;     /* because of `failures_max` */
};

/*
 * *outcome is set in every case.  Errors: BS_NO_MEMORY; BS_WORKER if processes cannot be started or
 * waited for.  After an error, the next command recovers images that were being written.
 */
MUST_CHECK int run_images(const struct run_request *request, struct run_outcome *outcome,
			  struct bs_error *err);

#endif
