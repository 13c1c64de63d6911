/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Undoes a batch: all images that are fixed according to its rows, or some of them. */
#ifndef BOOTSHIFT_BATCH_BATCH_UNDO_H
#define BOOTSHIFT_BATCH_BATCH_UNDO_H

#include <stddef.h>

#include "util/err.h"

struct batch_undo_request {
	const char *rows; /* the file of rows */
	/*
	 * Shell patterns (fnmatch(3)) that select images.  Each is compared with the path as found,
	 * with the location and with the name without its folder.  No patterns: all images.
	 */
	char *const *patterns;
	int pattern_count;
	const struct bs_options *options; /* `undo_directory`, if set, is used for all images */
	size_t slots;                     /* images at once; see run.h */
	/* Called for each image when it ends. */
	void (*report)(void *context, const char *path, const struct bs_result *result);
	void *context;
};

struct batch_undo_outcome {
	size_t not_begun;          /* images that should be undone and were not begun */
	uint64_t skipped;          /* lines that are not valid rows: their images are unknown */
	bool interrupted;          /* by a signal */
	uint64_t untold;           /* undone images whose rows could not be written */
	struct bs_error unwritten; /* why; valid if `untold` is not 0 */
};

/*
 * Undoes the images, the latest fix first.  Adds a row for each undone image to the file of rows.
 *
 * report() gets the outcome of each image.  *outcome is set in every case.  Errors: BS_NOT_FOUND
 * (the file, or a pattern that no fixed image matches; nothing is undone then); BS_ROW_INVALID (no
 * valid row in the file); BS_IN_USE (a batch is adding rows); those of run_images().
 */
MUST_CHECK int batch_undo(const struct batch_undo_request *request,
			  struct batch_undo_outcome *outcome, struct bs_error *err);

#endif
