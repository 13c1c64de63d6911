/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of all images of a batch together: counts, what to do, and the exit status. */
#ifndef BOOTSHIFT_ROWS_SUMMARY_H
#define BOOTSHIFT_ROWS_SUMMARY_H

#include "report/output.h"
#include "rows/row.h"

/* Images with one code. */
struct summary_code {
	uint64_t count;
	char *example; /* the path of the first one */
};

/* Starts as all zeros; ends with summary_free(). */
struct summary {
	uint64_t images, statuses[BS_STATUS_COUNT];
	struct summary_code codes[BS_CODE_COUNT];
	uint64_t bytes; /* that were changed */
};

/* Files that a batch found and left out, for one reason. */
struct summary_left_out {
	const char *reason; /* what they are: a plural, "journals" */
	uint64_t count;     /* at least 1 */
};

/* One of them, which may have been meant. */
struct summary_file {
	char *path;
	char *reason; /* what keeps it out: "is empty" */
};

/* What is told of a batch and is in no row; all zeros where nothing is known.  Borrowed. */
struct summary_facts {
	bool rows_only;        /* nothing else is known: the rows are all that there is */
	uint64_t milliseconds; /* from the start of the batch to its end */
	bool searching;        /* when it was stopped: there may be images that nobody has found */
	uint64_t images;       /* of the batch, also those that an earlier run of it has done */
	uint64_t begun;        /* images of that time */
	uint64_t not_begun;    /* images that were not looked at because the batch was stopped */
	uint64_t untold;       /* images that were begun and have no row */
	const char *rows;      /* the file with the rows, which lead back; NULL: there is none */
	const char *undo_directory; /* with all undo files; NULL: each has its usual place */
	const struct summary_left_out *left_out;
	size_t left_out_count;
	const struct summary_file *meant; /* the first of the files that may have been meant */
	size_t meant_count;
	uint64_t meant_more; /* so many others */
};

/* Counts an image; each of a batch is given once, with its latest row. */
MUST_CHECK int summary_add(struct summary *summary, const struct row *row, struct bs_error *err);

/* What was left out, the sums, and a table of outcomes with what to do about each problem. */
void summary_print(struct output *output, const struct summary *summary,
		   const struct summary_facts *facts);

/* Images a minute; 0 when they are not worth telling. */
double summary_rate(const struct summary_facts *facts);

/*
 * BS_EXIT_DONE when all images are as wished, else that of what is worst: recovery required, then
 * failed, then refused.
 */
enum bs_exit summary_exit(const struct summary *summary);

/*
 * The codes of one class that there are images with, the most frequent first.  Returns how many.
 */
size_t summary_order(const struct summary *summary, enum bs_exit class,
		     enum bs_code order[BS_CODE_COUNT]);

void summary_free(struct summary *summary);

#endif
