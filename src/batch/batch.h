/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch: finds the images, fixes or rehearses several at a time, and reports the outcomes. */
#ifndef BOOTSHIFT_BATCH_BATCH_H
#define BOOTSHIFT_BATCH_BATCH_H

#include "batch/find.h"
#include "batch/progress.h"

/* Strings are borrowed. */
struct batch_request {
	struct find_request find; /* without `unexpected` and its context: batch_run() sets them */
	const struct bs_options *options;
	bool dry_run;
	bool resume;           /* go on with the batch that has written `rows` */
	const char *rows;      /* file to add rows to, "-" for standard output, or NULL */
	const char *page;      /* HTML file to write, "-" for standard output, or NULL */
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

#endif
