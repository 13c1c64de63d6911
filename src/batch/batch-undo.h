/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes a batch back: the images that its rows tell as fixed, or some of them. */
#ifndef BOOTSHIFT_BATCH_BATCH_UNDO_H
#define BOOTSHIFT_BATCH_BATCH_UNDO_H

#include <stddef.h>

#include "util/err.h"

struct batch_undo_request {
	const char *rows; /* the file of rows */
	/*
	 * Shell patterns (fnmatch(3)) for the images' paths, as found or absolute, or for their
	 * names without a folder; none: all.
	 */
	char *const *patterns;
	int pattern_count;
	const struct bs_options *options; /* an undo directory here is that of all images */
	size_t slots;                     /* images at once; see run.h */
	/* Gets each image as it ends. */
	void (*report)(void *context, const char *path, const struct bs_result *result);
	void *context;
};

struct batch_undo_outcome {
	size_t not_begun; /* images that were to be undone */
	uint64_t skipped; /* lines that are no rows: which images they were about, nobody knows */
	bool interrupted; /* by a signal */
	uint64_t untold;  /* images that are undone, of which the rows go on to say that they are
			     fixed */
	struct bs_error unwritten; /* why; valid when there are any */
};

/*
 * The latest fix first.  Each image that is undone gets another row, which says so.  What is wrong
 * with an image is told to report(); *outcome is filled in every case.  Errors: BS_NOT_FOUND, also
 * for a pattern that no fixed image matches, before anything is done; BS_ROW_INVALID when there are
 * no rows; BS_IN_USE while a batch adds to them; and those of run_images().
 */
MUST_CHECK int batch_undo(const struct batch_undo_request *request,
			  struct batch_undo_outcome *outcome, struct bs_error *err);

#endif
