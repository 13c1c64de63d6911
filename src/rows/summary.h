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

/* What is told of a batch and is in no row; all zeros where nothing is known. */
struct summary_facts {
	uint64_t milliseconds; /* from the start of the batch to its end */
	uint64_t begun;        /* images of that time; an earlier batch did the others */
	uint64_t not_begun;    /* images that were not looked at because the batch was stopped */
	const char *rows;      /* the file with the rows, which lead back; NULL: there is none */
	const struct summary_left_out *left_out;
	size_t left_out_count;
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
