/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an earlier run of a batch has done, by its rows. */
#ifndef BOOTSHIFT_BATCH_RESUME_H
#define BOOTSHIFT_BATCH_RESUME_H

#include "batch/find.h"
#include "rows/rows.h"
#include "rows/summary.h"

struct resume_request {
	const struct rows *rows;
	bool dry_run;
	bool leave_out; /* take what is done off the images; else the rows are only checked */
};

/*
 * Finds out whether rows may be added to those that there are.  *skipped is the number of lines
 * that are no rows.  Errors: BS_ROWS_EXIST (a dry run cannot go on with rows that lead to undo
 * files, nor a batch with those of a dry run, by which nobody could tell when it began),
 * BS_ROW_INVALID (there are lines, but no row), those of reading, BS_NO_MEMORY.
 *
 * With `leave_out`, takes the images off *found that are done, and counts them in *summary.  Done
 * is what an earlier run has fixed, refused, or found to need no fix, and what has its size and its
 * time of change of then; but for a refusal of which the image was not the cause.  *begun becomes
 * the time when the batch began.
 */
MUST_CHECK int resume_batch(const struct resume_request *request, struct find_result *found,
			    struct summary *summary, uint64_t *begun, uint64_t *skipped,
			    struct bs_error *err);

/*
 * Names the batch that a file of rows is of, as the maker of its fixes (bs_options): by the path of
 * the file and, where the file system tells it, by when that was made, so that it is no other one
 * that had the name before.  Errors: BS_NOT_FOUND and others of looking at the file.
 */
MUST_CHECK int resume_name(const char *rows, uint8_t maker[BS_MAKER_SIZE], struct bs_error *err);

#endif
