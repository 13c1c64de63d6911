/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch: finds the images, fixes or rehearses them side by side, and tells what became of them.
 */
#ifndef BOOTSHIFT_BATCH_BATCH_H
#define BOOTSHIFT_BATCH_BATCH_H

#include "batch/find.h"
#include "batch/progress.h"

/* Strings are borrowed. */
struct batch_request {
	struct find_request find; /* but for whom to tell, which is filled in */
	const struct bs_options *options;
	bool dry_run;
	bool resume;           /* goes on with the rows that there are */
	const char *rows;      /* file to add rows to, "-" for standard output, or NULL */
	const char *page;      /* HTML file to write, "-" for standard output, or NULL */
	size_t slots;          /* images at once; see run.h */
	unsigned timeout;      /* seconds for one image; 0: no end */
	uint64_t failures_max; /* 0: no end */
	enum progress_kind kind;
	enum output_colour colour;
};

/*
 * Does it, with all that is said about it on the standard streams.  Returns the exit status: the
 * worst of the images', or BS_EXIT_FAILED when something else went wrong; BS_EXIT_USAGE when there
 * are rows already, or a file in the place of the page that is none.
 */
enum bs_exit batch_run(const struct batch_request *request);

#endif
