/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch: finds the images, fixes or rehearses several at a time, and reports the outcomes.  An
 * undo of a batch: undoes the images that are fixed according to its rows, or some of them.
 */
#ifndef BOOTSHIFT_BATCH_BATCH_H
#define BOOTSHIFT_BATCH_BATCH_H

#include "batch/find.h"
#include "batch/progress.h"
#include "batch/resume.h"
#include "rows/summary.h"

/* Strings are borrowed. */
struct batch_request {
	struct find_request find; /* without `unexpected` and its context: batch_run() sets them */
	const struct bs_options *options;
	bool dry_run;
	bool resume;        /* go on with the batch that has written `rows` */
	struct retry retry; /* with `resume`: which images are done again */
	const char *rows;   /* file to add rows to, "-" for standard output, or NULL */
	const char *page;   /* HTML file to write, "-" for standard output, or NULL */
	char *const *words; /* of the command line, for the page; see struct summary_facts */
	int word_count;
	size_t slots;          /* images at once; see run.h */
	unsigned timeout;      /* seconds for one image; 0: no limit */
	uint64_t failures_max; /* begin no more images after so many failures; 0: no limit */
	enum progress_kind kind;
	enum output_colour colour;
};

/*
 * Runs the batch and prints progress, errors and the summary.  Returns the exit status: that of the
 * worst image, or BS_EXIT_FAILED if something else went wrong; BS_EXIT_USAGE if the rows in the
 * file do not fit this batch, or if the page would replace a file that is not a page.
 */
enum bs_exit batch_run(const struct batch_request *request);

/* ---- undoing a batch, or accepting its fixes ------------------------------------------------ */

struct batch_undo_request {
	bool accepts;     /* accept the fixes, instead of undoing them */
	const char *rows; /* the file of rows */
	/*
	 * Shell patterns (fnmatch(3)) that select images.  Each is compared with the path as found,
	 * with the location and with the name without its folder.  No patterns: all images.
	 */
	char *const *patterns;
	int pattern_count;
	bool dry_run;                     /* check what would be done, and write nothing */
	const struct bs_options *options; /* `undo_directory`, if set, is used for all images */
	size_t slots;                     /* images at once; see run.h */
	FILE *live;                       /* gets live lines if it is a terminal; NULL: none */
	enum output_colour colour;        /* of the live lines */
	bool verbose;                     /* call report() for all images, also with live lines */
	struct output *errors;            /* see run.h */
	/* Called for each image when it ends; with live lines, only for problems. */
	void (*report)(void *context, const char *path, const struct bs_result *result);
	void *context;
};

struct batch_undo_outcome {
	uint64_t rows;             /* valid rows in the file */
	bool not_fixed;            /* a pattern matches only an image that is not fixed */
	bool dry_run;              /* rows of a dry run, which has fixed nothing */
	uint64_t milliseconds;     /* the time taken */
	size_t begun, not_begun;   /* images that should be undone */
	struct summary summary;    /* of all images, with those that were undone earlier */
	uint64_t skipped;          /* lines that are not valid rows: their images are unknown */
	bool interrupted;          /* by a signal */
	uint64_t untold;           /* undone images whose rows were not written */
	struct bs_error unwritten; /* why; valid if `untold` is not 0 */
};

/*
 * Undoes the images, or accepts their fixes, the latest fix first.  Adds a row for each such image
 * to the file of rows.
 *
 * report() gets the outcome of each image.  *outcome is set in every case; the caller frees
 * outcome->summary.  Errors: BS_NOT_FOUND
 * (the file, or a pattern that no fixed image matches; nothing is undone then); BS_ROW_INVALID (no
 * valid row in the file); BS_IN_USE (a batch is adding rows); those of run_images().
 */
MUST_CHECK int batch_undo(const struct batch_undo_request *request,
			  struct batch_undo_outcome *outcome, struct bs_error *err);

#endif
