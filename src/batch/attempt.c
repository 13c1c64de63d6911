/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls the library, and sends the phases and the row to the batch process (pool.h). */
#include "batch/run.h"
#include "report/picture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/io.h"
#include "util/signals.h"

#define CHECKS_MAX 100   /* of an image that keeps changing */
#define PAUSE      50000 /* microseconds between two checks or tries */

static bool attempt_foresees(enum attempt_kind kind)
{
	return kind == ATTEMPT_FORESEE || kind == ATTEMPT_FORESEE_ACCEPT;
}

struct row_subject attempt_subject(const struct attempt *attempt)
{
	return (struct row_subject){
		.command = attempt->command,
		.path = attempt->image->path,
		.location = attempt->image->location,
		.options = &attempt->options,
		.file = attempt->image->file,
		.begun = attempt->begun,
		.dry_run = attempt->kind == ATTEMPT_REHEARSE || attempt_foresees(attempt->kind),
	};
}

/* If the batch process has died, sending fails.  The work on the image continues in that case. */
static void attempt_send(int channel, const void *bytes, size_t length)
{
	int ignored = io_write_all(channel, bytes, length);

	(void)ignored;
}

/* Sends phases as they begin, and how far the start of the appliance is.  See struct bs_options. */
static int attempt_send_progress(void *context, const struct bs_progress *progress)
{
	const int *channel = context;
	bool waits = progress->phase == BS_PHASE_WAITING && progress->total != 0;
	char byte = (char)(waits ? POOL_AMOUNT + progress->done : progress->phase);

	if (waits || progress->done == 0)
		attempt_send(*channel, &byte, 1);
	return 0;
}

/*
 * Returns true, and sets *result, if the image has changed since the batch found it.  In a resumed
 * batch, a process of the killed run may have made the change: then the image only has to be stable
 * now.
 */
static bool attempt_image_has_changed(const struct attempt *attempt, struct bs_result *result)
{
	const struct find_image *image = attempt->image;
	uint64_t size = image->size, modified = image->modified;

	for (int i = 0; i < CHECKS_MAX; i++) {
		uint64_t last_size = size, last_modified = modified;

		/* If the image has gone, the library says so. */
		if (!image->was_there || !row_stat(image->file, &size, &modified) ||
		    (size == last_size && modified == last_modified))
			return false;
		if (!attempt->resumed)
			break;
		usleep(PAUSE);
	}
	*result = (struct bs_result){.status = BS_STATUS_FAILED};
	fail(&result->error, BS_CHANGED_MEANWHILE,
	     "another program has written to the image since it was found");
	return true;
}

/*
 * An image with nothing to do may have an undo file.  If the undo file names this batch, an earlier
 * run fixed the image and was killed before it wrote the row: report the image as fixed.  Otherwise
 * the undo file belongs to another fix, and rows of this batch must not lead to it.
 */
static void attempt_claim_fix(const struct attempt *attempt, struct bs_result *result)
{
	if (result->status != BS_STATUS_NOTHING_TO_DO || !result->undo_file)
		return;
	if (attempt->resumed && result->own_undo_file) {
		result->status = BS_STATUS_FIXED;
		return;
	}
	free(result->undo_file);
	result->undo_file = NULL;
}

/*
 * A signal may kill a process that the library started; the library then reports BS_WORKER without
 * the cause.  The image is unchanged or rolled back.
 */
static void attempt_explain_interruption(struct bs_result *result)
{
	if (result->status == BS_STATUS_FAILED && result->error.code == BS_WORKER &&
	    signals_stop_pending())
		fail(&result->error, BS_INTERRUPTED, "interrupted by a signal");
}

typedef enum bs_exit library_call(const char *image, const struct bs_options *options,
				  struct bs_result *result);

/* Processes of an attempt that died may hold the lock of the image for a moment. */
static void attempt_call(library_call *call, const struct attempt *attempt,
			 struct bs_result *result)
{
	while (call(attempt->image->location, &attempt->options, result) != BS_EXIT_DONE &&
	       result->error.code == BS_IN_USE && deadline_is_set(attempt->wait) &&
	       !deadline_has_passed(attempt->wait) && !signals_stop_pending()) {
		bs_result_free(result);
		usleep(PAUSE);
	}
}

/* A library_call. */
static enum bs_exit attempt_call_fix(const char *image, const struct bs_options *options,
				     struct bs_result *result)
{
	return bs_fix(image, options, NULL, result);
}

/* The process of a fix died.  If there is no undo file, it had not changed the image yet. */
static void attempt_undo(const struct attempt *attempt, struct bs_result *result)
{
	attempt_call(bs_undo, attempt, result);
	if (attempt->kind == ATTEMPT_UNDO_FIX && result->error.code == BS_NO_UNDO_FILE) {
		result->status = BS_STATUS_NOTHING_TO_DO;
		result->error = (struct bs_error){.code = BS_OK};
	}
}

static void attempt_call_library(const struct attempt *attempt, struct bs_result *result)
{
	struct bs_options options = attempt->options;

	switch (attempt->kind) {
	case ATTEMPT_FIX:
		if (attempt_image_has_changed(attempt, result))
			return;
		attempt_call(attempt_call_fix, attempt, result);
		attempt_explain_interruption(result);
		attempt_claim_fix(attempt, result);
		break;
	case ATTEMPT_REHEARSE:
		if (attempt_image_has_changed(attempt, result))
			return;
		options.to_be_fixed = true;
		bs_plan(attempt->image->location, &options, NULL, result);
		attempt_explain_interruption(result);
		break;
	case ATTEMPT_RECOVER:
		attempt_call(bs_recover, attempt, result);
		break;
	case ATTEMPT_UNDO:
	case ATTEMPT_UNDO_FIX:
	case ATTEMPT_FORESEE:
		attempt_undo(attempt, result);
		break;
	case ATTEMPT_ACCEPT:
	case ATTEMPT_FORESEE_ACCEPT:
		attempt_call(bs_accept, attempt, result);
		attempt_explain_interruption(result);
		break;
	}
}

void attempt_run(void *task, int channel)
{
	struct attempt *attempt = task;
	const struct row_subject subject = attempt_subject(attempt);
	struct bs_result result;
	struct bs_error ignored;
	struct row row;
	char *line = NULL;

	attempt->options.progress = attempt_send_progress;
	attempt->options.progress_context = &channel;
	attempt->options.rehearse_undo = attempt_foresees(attempt->kind);
	attempt_call_library(attempt, &result);
	(void)!picture_store(&result, NULL, &ignored);
	if (row_make(&subject, &result, &row, &ignored) == 0)
		line = row_line(&row);
	/* Out of memory: without a line, the batch process treats the attempt as one that died. */
	if (line)
		attempt_send(channel, line, strlen(line));
	free(line);
	row_free(&row);
	bs_result_free(&result);
}
