/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/interruption.h"

#define LOOKS 100   /* at an image that changes, before it is given up */
#define PAUSE 50000 /* microseconds between two of them */

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

/* Nobody hears it any more when this fails; the image is looked after all the same. */
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
 * True, and tells why, when the image is not the one that was found.  In a batch that was resumed
 * it may be what the killed run has left that wrote to it: then it is enough that nobody does now.
 */
static bool has_changed(const struct attempt *attempt, struct bs_result *result)
{
	const struct find_image *image = attempt->image;
	uint64_t size = image->size, modified = image->modified;

	for (int look = 0; look < LOOKS; look++) {
		uint64_t size_then = size, modified_then = modified;

		/* What is not there any more is for the library to say. */
		if (!image->was_there || !row_look(image->file, &size, &modified) ||
		    (size == size_then && modified == modified_then))
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
 * An image that is found fixed was fixed by an earlier run of this very batch, which was killed
 * before it could say so, if the undo file has its name.  Else that file is not this batch's, and
 * its rows must not lead to it.
 */
static void claim(const struct attempt *attempt, struct bs_result *result)
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
 * What the library starts does not always hold signals, and ends without knowing why.  A failed
 * image is unchanged, or taken back.
 */
static void explain_end(struct bs_result *result)
{
	if (result->status == BS_STATUS_FAILED && result->error.code == BS_WORKER &&
	    interruption_pending())
		fail(&result->error, BS_INTERRUPTED, "interrupted by a signal");
}

typedef enum bs_exit library_call(const char *image, const struct bs_options *options,
				  struct bs_result *result);

/* Somebody who died may have left processes that hold the image's lock until they end, too. */
static void insist(library_call *call, const struct attempt *attempt, struct bs_result *result)
{
	while (call(attempt->image->location, &attempt->options, result) != BS_EXIT_DONE &&
	       result->error.code == BS_IN_USE && clock_milliseconds() < attempt->patience &&
	       !interruption_pending()) {
		bs_result_free(result);
		usleep(PAUSE);
	}
}

/* A library_call. */
static enum bs_exit fix(const char *image, const struct bs_options *options,
			struct bs_result *result)
{
	return bs_fix(image, options, NULL, result);
}

static void set_nothing_to_do(struct bs_result *result)
{
	result->status = BS_STATUS_NOTHING_TO_DO;
	result->error = (struct bs_error){.code = BS_OK};
}

/* Without an undo file it was undone already if it can be fixed again. */
static void undo(const struct attempt *attempt, struct bs_result *result)
{
	const char *location = attempt->image->location;
	struct bs_result inspected;

	insist(bs_undo, attempt, result);
	if (result->error.code != BS_NO_UNDO_FILE)
		return;
	if (bs_inspect(location, &attempt->options, &inspected) == BS_EXIT_DONE &&
	    inspected.status == BS_STATUS_WOULD_FIX)
		set_nothing_to_do(result);
	bs_result_free(&inspected);
}

static void take_back(const struct attempt *attempt, struct bs_result *result)
{
	insist(bs_undo, attempt, result);
	if (result->error.code == BS_NO_UNDO_FILE)
		set_nothing_to_do(result);
}

static void attempt_image(const struct attempt *attempt, struct bs_result *result)
{
	const char *location = attempt->image->location;
	struct bs_options options = attempt->options;

	switch (attempt->kind) {
	case ATTEMPT_FIX:
		if (has_changed(attempt, result))
			return;
		insist(fix, attempt, result);
		explain_end(result);
		claim(attempt, result);
		break;
	case ATTEMPT_REHEARSE:
		if (has_changed(attempt, result))
			return;
		options.to_be_fixed = true;
		bs_plan(location, &options, NULL, result);
		explain_end(result);
		break;
	case ATTEMPT_UNDO:
		undo(attempt, result);
		break;
	case ATTEMPT_RECOVER:
		insist(bs_recover, attempt, result);
		break;
	case ATTEMPT_TAKE_BACK:
		take_back(attempt, result);
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
	attempt_image(attempt, &result);
	if (row_make(&subject, &result, &row, &ignored) == 0)
		line = row_line(&row);
	/* Without a line there is no memory either: it is taken for one that died. */
	if (line)
		send_bytes(channel, line, strlen(line));
	free(line);
	row_free(&row);
	bs_result_free(&result);
}
