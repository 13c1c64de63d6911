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

#include "report/amount.h"
#include "report/outcome.h"
#include "report/phrases.h"
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

static bool progress_can_be_live(FILE *stream)
{
	const char *terminal = getenv("TERM");

	return isatty(fileno(stream)) && terminal && strcmp(terminal, "dumb") != 0;
}

static struct size progress_terminal_size(FILE *stream)
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
	struct size size = progress_terminal_size(progress->output.stream);
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

static bool progress_is_shown(const struct progress *progress, enum bs_status status)
{
	if (progress->kind == PROGRESS_LIVE)
		return false;
	if (outcome_is_problem(status) || progress->kind == PROGRESS_VERBOSE)
		return true;
	return progress->kind == PROGRESS_NORMAL && !progress->live;
}

/* Among the errors of a quiet batch: in their form, with what to do. */
static void progress_print_error(struct output *output, const char *path, const struct row *row)
{
	const char *advice = json_string_value(json_object_get(row->object, "advice"));
	struct bs_error error = {.code = row->code};

	snprintf(error.message, sizeof(error.message), "%s", row->message);
	print_problem(output, path, &error, advice ? advice : "");
}

static void progress_print_image(const struct progress *progress, struct output *output,
				 const struct row *row)
{
	const struct outcome *outcome = outcome_of(row->status);
	char *path = location_as_found(row->location, row->path);

	if (progress->kind == PROGRESS_QUIET) {
		progress_print_error(output, path ? path : row->path, row);
		free(path);
		return;
	}
	print(output, "%s: ", path ? path : row->path);
	print_styled(output, outcome->style, "%s", outcome->word);
	if (outcome_is_problem(row->status))
		print(output, ": %s (%s)", row->message, bs_code_name(row->code));
	else if (row->status != BS_STATUS_NOTHING_TO_DO)
		print(output, "%s in %s", row->status == BS_STATUS_WOULD_FIX ? ", rehearsed" : "",
		      duration_format(row->milliseconds).text);
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
	progress->live = kind != PROGRESS_QUIET && progress_can_be_live(stream);
	progress->state.total = total;
	progress->begin = clock_milliseconds();
	progress_draw(progress);
	return progress;
}

bool progress_is_live(const struct progress *progress)
{
	return progress->live;
}

void progress_start(struct progress *progress, size_t slot, const char *path)
{
	struct progress_slots *slots = &progress->state.slots;
	struct bs_error ignored;

	while (slots->count <= slot) /* ends: each turn adds a slot */
		if (!progress_slots_add(slots, &ignored))
			return;
	free(slots->items[slot].path);
	slots->items[slot] = (struct progress_slot){
		.path = strdup(path),
		.since = clock_milliseconds() - progress->begin,
	};
	progress_draw(progress);
}

void progress_phase(struct progress *progress, size_t slot, enum bs_phase phase, unsigned percent)
{
	if (slot < progress->state.slots.count) {
		progress->state.slots.items[slot].phase = phase;
		progress->state.slots.items[slot].percent = percent;
	}
	progress_draw(progress);
}

void progress_end(struct progress *progress, size_t slot, const struct row *row)
{
	struct progress_state *state = &progress->state;

	if (slot < state->slots.count) {
		free(state->slots.items[slot].path);
		state->slots.items[slot].path = NULL;
	}
	state->ends[state->done % PROGRESS_RATE_IMAGES] = clock_milliseconds() - progress->begin;
	state->done++;
	state->statuses[row->status]++;
	if (progress_is_shown(progress, row->status)) {
		progress_print_image(progress, progress_above(progress), row);
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
	for (size_t i = 0; i < progress->state.slots.count; i++)
		free(progress->state.slots.items[i].path);
	progress_slots_free(&progress->state.slots);
	free(progress);
	return error;
}
