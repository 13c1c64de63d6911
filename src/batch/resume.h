/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resuming a batch: what earlier runs have done according to the rows. */
#ifndef BOOTSHIFT_BATCH_RESUME_H
#define BOOTSHIFT_BATCH_RESUME_H

#include "batch/find.h"
#include "rows/rows.h"
#include "rows/summary.h"

/* Which images are done again, whatever has become of their files.  All zeros: see resume_batch(). */
struct retry {
	bool some; /* at least one of the following is true */
	bool statuses[BS_STATUS_COUNT], codes[BS_CODE_COUNT]; /* of the latest row */
};

/* Adds a word: "failed", "refused", "recovery-required", or a code.  Error: BS_USAGE. */
MUST_CHECK int retry_add(struct retry *retry, const char *word, struct bs_error *err);

struct resume_request {
	const struct rows *rows;
	bool dry_run;
	bool leave_out;            /* remove the images that are done; false: only check the rows */
	const struct retry *retry; /* with `leave_out` */
	struct retry *seen;        /* gets what the latest rows have; may be NULL */
};

/*
 * Checks that this batch may add rows to the file.  The rows of a dry run and of a real batch must
 * not mix: rows of a batch lead to undo files, and say when the batch began.  *skipped is the
 * number of lines that are not valid rows.
 *
 * With `leave_out`, removes the images that are done from *found and counts them in *summary.  An
 * image is done if its latest row says fixed, would fix, nothing to do or refused, and its size and
 * modification time are still the same.  A refusal whose cause is not the image does not count.
 * If `retry` has some, an image is done unless its latest row has one of them; images without a row
 * are removed too, and counted as FIND_NO_ROW.
 * *begun becomes the time when the batch began.
 *
 * Errors: BS_ROWS_EXIST (a dry run and a real batch), BS_FILE_EXISTS (lines, but no valid row),
 * BS_ROW_INVALID (with `retry`: no rows), BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK int resume_batch(const struct resume_request *request, struct find_result *found,
			    struct summary *summary, uint64_t *begun, uint64_t *skipped,
			    struct bs_error *err);

/*
 * Computes the identifier of a batch, the `maker` of its fixes (bs_options), from its file of rows:
 * a hash of the path and, if the file system has it, of the time when the file was made.  So a
 * later file of the same name is another batch.  Errors: BS_NOT_FOUND and other errors of stat(2).
 */
MUST_CHECK int resume_name(const char *rows, uint8_t maker[BS_MAKER_SIZE], struct bs_error *err);

#endif
