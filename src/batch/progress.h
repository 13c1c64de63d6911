/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows the progress of a batch.
 *
 * On a terminal, the lines at the bottom are live: how far the batch is, the outcomes so far, and
 * what each running image is doing.  Above them, a line stays for each image that ended with a
 * problem (or for each image, see enum progress_kind).  If the output is not a terminal, there are
 * only the lines that stay.
 *
 * What always holds: between two calls, the cursor is at the start of the first live line.  So the
 * live lines can be erased even if the terminal has changed its size, and any other output starts
 * on a line of its own.
 */
#ifndef BOOTSHIFT_BATCH_PROGRESS_H
#define BOOTSHIFT_BATCH_PROGRESS_H

#include "report/output.h"
#include "rows/row.h"
#include "util/vector.h"

enum progress_kind {
	PROGRESS_QUIET,   /* problems only: refused, failed, recovery required; no live lines */
	PROGRESS_NORMAL,  /* terminal: problems and live lines; other output: all images */
	PROGRESS_VERBOSE, /* all images; on a terminal also live lines */
	PROGRESS_LIVE,    /* only live lines, on a terminal: the caller prints the images */
};

struct progress;

/*
 * `total` is the number of images of the batch.  The stream is borrowed.  NULL when memory runs
 * out.  If memory runs out later, less is shown.
 */
struct progress *progress_open(FILE *stream, enum output_colour colour, enum progress_kind kind,
			       size_t total);

/* Whether the live lines are shown. */
bool progress_is_live(const struct progress *progress);

/*
 * An image begins in a free slot, begins another phase or goes on with it, ends.  `path` is as found.
 * `percent` says how much of the phase is done; 0: not known.
 */
void progress_start(struct progress *progress, size_t slot, const char *path);
void progress_phase(struct progress *progress, size_t slot, enum bs_phase phase, unsigned percent);
void progress_end(struct progress *progress, size_t slot, const struct row *row);

/*
 * Draws the live lines again if they or the size of the terminal have changed.  To be called a few
 * times a second.
 */
void progress_tick(struct progress *progress);

/*
 * Erases the live lines and returns the output.  The caller may print complete lines to it.  The
 * next call of a function here draws the live lines below them.
 */
struct output *progress_above(struct progress *progress);

/*
 * Erases the live lines and frees everything.  Returns 0, or errno of the first output that failed.
 */
int progress_close(struct progress *progress);

/* ---- the text of the live lines (progress-frame.c) ------------------------------------------- */

/* The rate is computed from this number of images that ended last. */
#define PROGRESS_RATE_IMAGES 64

struct progress_slot {
	char *path; /* NULL: the slot is free */
	enum bs_phase phase;
	uint64_t since;   /* when the image began */
	unsigned percent; /* of the phase; 0: not known */
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
 * Prints the live lines; a pure function of its arguments.  Returns the number of lines, which is
 * from 1 to rows - 1.  Each line is at most columns - 1 wide, so that no terminal wraps it.
 * `columns` is at least 20, `rows` at least 2.
 */
unsigned progress_frame(struct output *output, const struct progress_state *state, unsigned columns,
			unsigned rows);

#endif
