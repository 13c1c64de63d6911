/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/signals.h"

#define CHECKS_MAX 100   /* of an image that keeps changing */
#define PAUSE      50000 /* microseconds between two checks or tries */

struct row_subject attempt_subject(const struct attempt *attempt)
{
	return (struct row_subject){
		.command = attempt->command,
		.path = attempt->image->path,
		.location = attempt->image->location,
		.options = &attempt->options,
		.file = attempt->image->file,
		.begun = attempt->begun,
		.dry_run = attempt->kind == ATTEMPT_REHEARSE,
	};
}

/* An error means that the batch process has died.  The work on the image goes on all the same. */
static void send_bytes(int channel, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(channel, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return;
		bytes += written;
		length -= (size_t)written;
	}
}

static void send_phase(void *context, enum bs_phase phase)
{
	const int *channel = context;
	char byte = (char)phase;

	send_bytes(*channel, &byte, 1);
}

/*
 * Returns true, and sets *result, if the image has changed since the batch found it.  In a resumed
 * batch, a process of the killed run may have made the change: then the image only has to be stable
 * now.
 */
static bool has_changed(const struct attempt *attempt, struct bs_result *result)
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
static void claim_fix(const struct attempt *attempt, struct bs_result *result)
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
static void explain_interruption(struct bs_result *result)
{
	if (result->status == BS_STATUS_FAILED && result->error.code == BS_WORKER &&
	    signals_stop_pending())
		fail(&result->error, BS_INTERRUPTED, "interrupted by a signal");
}

typedef enum bs_exit library_call(const char *image, const struct bs_options *options,
				  struct bs_result *result);

/* Processes of an attempt that died may hold the lock of the image for a moment. */
static void call_patiently(library_call *call, const struct attempt *attempt,
			   struct bs_result *result)
{
	while (call(attempt->image->location, &attempt->options, result) != BS_EXIT_DONE &&
	       result->error.code == BS_IN_USE && clock_milliseconds() < attempt->wait_until &&
	       !signals_stop_pending()) {
		bs_result_free(result);
		usleep(PAUSE);
	}
}

/* A library_call. */
static enum bs_exit call_fix(const char *image, const struct bs_options *options,
			     struct bs_result *result)
{
	return bs_fix(image, options, NULL, result);
}

static void set_nothing_to_do(struct bs_result *result)
{
	result->status = BS_STATUS_NOTHING_TO_DO;
	result->error = (struct bs_error){.code = BS_OK};
}

/* An image without an undo file that could be fixed again was undone before: nothing to do. */
static void attempt_undo(const struct attempt *attempt, struct bs_result *result)
{
	const char *location = attempt->image->location;
	struct bs_result inspected;

	call_patiently(bs_undo, attempt, result);
	if (result->error.code != BS_NO_UNDO_FILE)
		return;
	if (bs_inspect(location, &attempt->options, &inspected) == BS_EXIT_DONE &&
	    inspected.status == BS_STATUS_WOULD_FIX)
		set_nothing_to_do(result);
	bs_result_free(&inspected);
}

static void attempt_undo_fix(const struct attempt *attempt, struct bs_result *result)
{
	call_patiently(bs_undo, attempt, result);
	if (result->error.code == BS_NO_UNDO_FILE)
		set_nothing_to_do(result);
}

static void attempt_call_library(const struct attempt *attempt, struct bs_result *result)
{
	const char *location = attempt->image->location;
	struct bs_options options = attempt->options;

	switch (attempt->kind) {
	case ATTEMPT_FIX:
		if (has_changed(attempt, result))
			return;
		call_patiently(call_fix, attempt, result);
		explain_interruption(result);
		claim_fix(attempt, result);
		break;
	case ATTEMPT_REHEARSE:
		if (has_changed(attempt, result))
			return;
		options.to_be_fixed = true;
		bs_plan(location, &options, NULL, result);
		explain_interruption(result);
		break;
	case ATTEMPT_UNDO:
		attempt_undo(attempt, result);
		break;
	case ATTEMPT_RECOVER:
		call_patiently(bs_recover, attempt, result);
		break;
	case ATTEMPT_UNDO_FIX:
		attempt_undo_fix(attempt, result);
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

	attempt->options.progress = send_phase;
	attempt->options.progress_context = &channel;
	attempt_call_library(attempt, &result);
	if (row_make(&subject, &result, &row, &ignored) == 0)
		line = row_line(&row);
	/* Out of memory: without a line, the batch process treats the attempt as one that died. */
	if (line)
		send_bytes(channel, line, strlen(line));
	free(line);
	row_free(&row);
	bs_result_free(&result);
}
