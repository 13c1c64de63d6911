/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs through a list of images, several at once, each in a process of its own (pool.h).
 *
 * What always holds: each image that was begun ends with one row, whatever becomes of its process;
 * an image that may have been written to when its process died, or was killed, is recovered before
 * its row is told.
 *
 * The first signal that asks to stop, also one that came before: no image is begun any more, those
 * that are only rehearsed stop, those that are written to are finished.  The second: all are
 * killed, and those that were written to taken back through their journals.  The third kills what
 * takes them back, which is left to the next command then.
 */
#ifndef BOOTSHIFT_BATCH_RUN_H
#define BOOTSHIFT_BATCH_RUN_H

#include "batch/attempt.h"

#define RUN_SLOTS_MAX 512u

/* Gets what happens; any of them may be NULL. */
struct run_watcher {
	void (*started)(void *context, size_t slot, const struct find_image *image);
	void (*phase)(void *context, size_t slot, enum bs_phase phase);
	/* Returns -1 when no more images are to be begun. */
	int (*ended)(void *context, size_t slot, const struct row *row);
	void (*tick)(void *context); /* several times a second */
	void *context;
};

struct run_request {
	enum attempt_kind kind; /* one of the first three */
	const char *command;    /* for the rows */
	uint64_t begun;
	bool resumed; /* as those of an attempt; a resumed run waits a while for what was left */
	const struct bs_options *options;
	const struct find_image *images;
	/* For each image, in place of that of the options; NULL: the options' for all. */
	const char *const *undo_directories;
	size_t count;
	size_t slots;          /* images at once, 1 to RUN_SLOTS_MAX */
	unsigned timeout;      /* seconds for one image, but for taking it back; 0: no end */
	uint64_t failures_max; /* images that may fail before no more are begun; 0: no end */
	struct run_watcher watcher;
};

struct run_outcome {
	size_t begun;     /* images; the first so many */
	bool interrupted; /* by a signal */
	bool gave_up;     /* too many have failed */
};

/*
 * *outcome is filled in every case.  Errors: BS_NO_MEMORY, BS_WORKER, when processes cannot be
 * started or waited for; images in hand are recovered by the next command then.
 */
MUST_CHECK int run_images(const struct run_request *request, struct run_outcome *outcome,
			  struct bs_error *err);

#endif
