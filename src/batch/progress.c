/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the live lines are erased: the cursor is always at the start of the first of them, so erasing
 * everything after the cursor is enough.  Where they are on the screen does not matter.  A terminal
 * that wraps lines again when it gets narrower keeps the cursor at its character, so this works
 * there too.
 *
 * The terminal may get narrower before we know.  So while the live lines are drawn, automatic
 * wrapping is off, and each of them takes exactly one line of the screen.
 *
 * The cursor is not hidden, so that a killed batch leaves a usable terminal.
 */
#include "batch/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "batch/progress-frame.h"
#include "report/outcome.h"
#include "rows/location.h"
#include "util/clock.h"

/*
 * Erases the line of the cursor, then everything below it.  Not in one step: if that erases the
 * whole screen, some terminals save the old screen in their history.
 */
#define ERASE_LIVE "\r\033[K\n\033[J\033[A"

/* DECAWM: automatic wrapping of long lines. */
#define WRAPPING_OFF "\033[?7l"
#define WRAPPING_ON  "\033[?7h"

#define COLUMNS_SMALLEST 20
#define ROWS_SMALLEST    2

struct size {
	unsigned columns, rows;
};

struct progress {
	struct output output;
	enum progress_kind kind;
	bool live; /* the stream is a terminal that can move its cursor */
	struct progress_state state;
	uint64_t begin; /* clock_milliseconds() */
	char *drawn;    /* the live lines on the screen; NULL: none */
	struct size drawn_size;
};

/* ---- the live lines ------------------------------------------------------------------------ */

static bool can_be_live(FILE *stream)
{
	const char *terminal = getenv("TERM");

	return isatty(fileno(stream)) && terminal && strcmp(terminal, "dumb") != 0;
}

static struct size terminal_size(FILE *stream)
{
	struct winsize window = {0};
	struct size size = {.columns = 80, .rows = 24};

	if (ioctl(fileno(stream), TIOCGWINSZ, &window) < 0)
		return size;
	if (window.ws_col > 0)
		size.columns = window.ws_col < COLUMNS_SMALLEST ? COLUMNS_SMALLEST : window.ws_col;
	if (window.ws_row > 0)
		size.rows = window.ws_row < ROWS_SMALLEST ? ROWS_SMALLEST : window.ws_row;
	return size;
}

static void progress_write(struct progress *progress, const char *text)
{
	if (fputs(text, progress->output.stream) == EOF && progress->output.error == 0)
		progress->output.error = errno;
}

static void progress_erase(struct progress *progress)
{
	if (!progress->drawn)
		return;
	progress_write(progress, ERASE_LIVE);
	free(progress->drawn);
	progress->drawn = NULL;
}

/*
 * The live lines, and the sequence that moves the cursor back to the first of them.  The caller
 * frees the text; NULL when memory runs out.
 */
static char *progress_format(const struct progress *progress, struct size size)
{
	struct output output = progress->output;
	char *text = NULL;
	size_t length;
	unsigned lines;

	output.error = 0;
	output.stream = open_memstream(&text, &length);
	if (!output.stream)
		return NULL;
	fputs(WRAPPING_OFF, output.stream);
	lines = progress_frame(&output, &progress->state, size.columns, size.rows);
	if (fprintf(output.stream, WRAPPING_ON "\033[%uA", lines) < 0)
		output.error = errno;
	if (fclose(output.stream) == 0 && output.error == 0)
		return text;
	free(text);
	return NULL;
}

static void progress_draw(struct progress *progress)
{
	struct size size = terminal_size(progress->output.stream);
	char *frame;

	if (!progress->live)
		return;
	progress->state.now = clock_milliseconds() - progress->begin;
	frame = progress_format(progress, size);
	if (!frame)
		return;
	if (progress->drawn && strcmp(frame, progress->drawn) == 0 &&
	    memcmp(&size, &progress->drawn_size, sizeof(size)) == 0) {
		free(frame);
		return;
	}
	progress_erase(progress);
	progress_write(progress, frame);
	progress->drawn = frame;
	progress->drawn_size = size;
	output_flush(&progress->output);
}

/* ---- the line of an image that has ended --------------------------------------------------- */

static bool is_shown(const struct progress *progress, enum bs_status status)
{
	if (outcome_is_problem(status) || progress->kind == PROGRESS_VERBOSE)
		return true;
	return progress->kind == PROGRESS_NORMAL && !progress->live;
}

static void print_problem(struct output *output, const struct row *row)
{
	static const char *const words[BS_STATUS_COUNT] = {
		[BS_STATUS_REFUSED] = "refused",
		[BS_STATUS_FAILED] = "failed",
		[BS_STATUS_RECOVERY_REQUIRED] = "recovery required",
	};

	print_style(output, row->status == BS_STATUS_REFUSED ? STYLE_WARNING : STYLE_BAD);
	print(output, "%s", words[row->status]);
	print_style(output, STYLE_PLAIN);
	print(output, ": %s (%s)", row->message, bs_code_name(row->code));
}

static void print_success(struct output *output, const struct row *row)
{
	static const char *const words[BS_STATUS_COUNT] = {
		[BS_STATUS_FIXED] = "fixed",
		[BS_STATUS_WOULD_FIX] = "would fix",
		[BS_STATUS_NOTHING_TO_DO] = "nothing to do",
		[BS_STATUS_UNDONE] = "undone",
	};

	print_style(output, STYLE_GOOD);
	print(output, "%s", words[row->status]);
	print_style(output, STYLE_PLAIN);
	if (row->status == BS_STATUS_WOULD_FIX)
		print(output, ", rehearsed");
	if (row->status != BS_STATUS_NOTHING_TO_DO)
		print(output, " in %.2f s", (double)row->milliseconds / 1000);
}

static void print_ended_image(struct output *output, const struct row *row)
{
	char *path = location_as_found(row->location, row->path);

	print(output, "%s: ", path ? path : row->path);
	if (outcome_is_problem(row->status))
		print_problem(output, row);
	else
		print_success(output, row);
	print_end(output);
	free(path);
}

/* ---- events -------------------------------------------------------------------------------- */

struct progress *progress_open(FILE *stream, enum output_colour colour, enum progress_kind kind,
			       size_t total)
{
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return NULL;
	output_open(&progress->output, stream, colour);
	progress->kind = kind;
	progress->live = kind != PROGRESS_QUIET && can_be_live(stream);
	progress->state.total = total;
	progress->begin = clock_milliseconds();
	progress_draw(progress);
	return progress;
}

/* The slot with an index; adds slots if there are not enough.  NULL when memory runs out. */
static struct progress_slot *progress_slot(struct progress_state *state, size_t slot)
{
	if (slot >= state->slot_count) {
		size_t count = slot + 1;
		struct progress_slot *slots = reallocarray(state->slots, count, sizeof(*slots));

		if (!slots)
			return NULL;
		memset(slots + state->slot_count, 0, (count - state->slot_count) * sizeof(*slots));
		state->slots = slots;
		state->slot_count = count;
	}
	return &state->slots[slot];
}

void progress_start(struct progress *progress, size_t slot, const char *path)
{
	struct progress_slot *image = progress_slot(&progress->state, slot);

	if (!image)
		return;
	free(image->path);
	*image = (struct progress_slot){
		.path = strdup(path),
		.since = clock_milliseconds() - progress->begin,
	};
	progress_draw(progress);
}

void progress_phase(struct progress *progress, size_t slot, enum bs_phase phase)
{
	if (slot < progress->state.slot_count)
		progress->state.slots[slot].phase = phase;
	progress_draw(progress);
}

void progress_end(struct progress *progress, size_t slot, const struct row *row)
{
	struct progress_state *state = &progress->state;

	if (slot < state->slot_count) {
		free(state->slots[slot].path);
		state->slots[slot].path = NULL;
	}
	state->ends[state->done % PROGRESS_RATE_IMAGES] = clock_milliseconds() - progress->begin;
	state->done++;
	state->statuses[row->status]++;
	if (is_shown(progress, row->status)) {
		print_ended_image(progress_above(progress), row);
		output_flush(&progress->output);
	}
	progress_draw(progress);
}

void progress_tick(struct progress *progress)
{
	progress_draw(progress);
}

struct output *progress_above(struct progress *progress)
{
	progress_erase(progress);
	return &progress->output;
}

int progress_close(struct progress *progress)
{
	int error;

	progress_erase(progress);
	output_flush(&progress->output);
	error = progress->output.error;
	for (size_t i = 0; i < progress->state.slot_count; i++)
		free(progress->state.slots[i].path);
	free(progress->state.slots);
	free(progress);
	return error;
}
