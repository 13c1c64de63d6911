/* SPDX-License-Identifier: GPL-3.0-or-later */
/* If the terminal is small, the least important parts are left out first. */
#include "batch/progress.h"

#include <stdlib.h>
#include <string.h>

#include "report/outcome.h"
#include "report/text.h"

#define PIECE_MAX    48
#define GAP          2  /* columns between two pieces */
#define BAR_SMALLEST 8  /* columns */
#define BAR_LARGEST  40 /* columns */
#define VERB_WIDTH   12 /* columns of the longest frequent verb and a gap */
#define VERB_FROM    36 /* narrower lines, in columns, have no verbs */
#define LONG_RUNNING 10 /* seconds; the time of an image is shown from then on */

/* ---- the first line: how far the batch is -------------------------------------------------- */

/* The pieces of the line, the most important first.  `places` has their order in the line. */
enum piece { PIECE_DONE, PIECE_LEFT, PIECE_PERCENT, PIECE_RATE, PIECE_BAR, PIECE_COUNT };

/*
 * Returns the images per millisecond; 0: not known yet.  The time since the last image ended is
 * included, so that the rate falls if the batch hangs.
 */
static double frame_images_per_millisecond(const struct progress_state *state)
{
	uint64_t begin = 0, images = state->done;

	if (images >= PROGRESS_RATE_IMAGES) { /* measure from the oldest end in the array */
		begin = state->ends[images % PROGRESS_RATE_IMAGES];
		images = PROGRESS_RATE_IMAGES - 1;
	}
	return state->now > begin ? (double)images / (double)(state->now - begin) : 0;
}

static void frame_format_rate(const struct progress_state *state, char text[PIECE_MAX])
{
	double rate = frame_images_per_millisecond(state) * 60000;

	if (rate <= 0)
		snprintf(text, PIECE_MAX, "--/min");
	else
		snprintf(text, PIECE_MAX, "%.*f/min", rate < 9.95 ? 1 : 0, rate);
}

static void frame_format_left(const struct progress_state *state, char text[PIECE_MAX])
{
	double rate = frame_images_per_millisecond(state);
	double seconds = rate > 0 ? (double)(state->total - state->done) / rate / 1000 : 0;
	unsigned long minutes = (unsigned long)(seconds / 60 + 0.5);

	if (rate <= 0)
		snprintf(text, PIECE_MAX, "-- left");
	else if (seconds < 59.5)
		snprintf(text, PIECE_MAX, "%.0f s left", seconds);
	else if (minutes < 100)
		snprintf(text, PIECE_MAX, "%lu min left", minutes);
	else
		snprintf(text, PIECE_MAX, "%lu h %02lu min left", minutes / 60, minutes % 60);
}

static void frame_format_pieces(const struct progress_state *state,
				char texts[PIECE_COUNT][PIECE_MAX])
{
	uint64_t percent = state->total > 0 ? state->done * 100 / state->total : 100;

	snprintf(texts[PIECE_DONE], PIECE_MAX, "%llu of %llu", (unsigned long long)state->done,
		 (unsigned long long)state->total);
	snprintf(texts[PIECE_PERCENT], PIECE_MAX, "%u%%", (unsigned)percent);
	frame_format_rate(state, texts[PIECE_RATE]);
	frame_format_left(state, texts[PIECE_LEFT]);
}

static void frame_print_bar(struct output *output, const struct progress_state *state,
			    unsigned columns)
{
	uint64_t filled = state->total > 0 ? state->done * columns / state->total : columns;

	print_style(output, STYLE_GOOD);
	for (uint64_t column = 0; column < filled; column++)
		print_symbol(output, "━", "=");
	print_style(output, STYLE_PLAIN);
	print_style(output, STYLE_FAINT);
	for (uint64_t column = filled; column < columns; column++)
		print_symbol(output, "─", "-");
	print_style(output, STYLE_PLAIN);
}

static void frame_print_first_line(struct output *output, const struct progress_state *state,
				   unsigned width)
{
	static const enum piece places[] = {PIECE_DONE, PIECE_BAR, PIECE_PERCENT, PIECE_RATE,
					    PIECE_LEFT};
	char texts[PIECE_COUNT][PIECE_MAX];
	unsigned widths[PIECE_COUNT] = {0};
	unsigned left;

	frame_format_pieces(state, texts);
	widths[PIECE_DONE] = (unsigned)strlen(texts[PIECE_DONE]);
	if (widths[PIECE_DONE] > width)
		widths[PIECE_DONE] = width;
	left = width - widths[PIECE_DONE];
	for (unsigned piece = PIECE_LEFT; piece < PIECE_BAR; piece++) {
		unsigned length = (unsigned)strlen(texts[piece]);

		if (GAP + length > left)
			continue;
		widths[piece] = length;
		left -= GAP + length;
	}
	if (widths[PIECE_RATE] > 0 && left >= GAP + BAR_SMALLEST)
		widths[PIECE_BAR] = left - GAP < BAR_LARGEST ? left - GAP : BAR_LARGEST;
	for (size_t i = 0; i < PIECE_COUNT; i++) {
		enum piece piece = places[i];

		if (widths[piece] == 0)
			continue;
		if (piece != PIECE_DONE)
			print_to(output, output->column + GAP);
		if (piece == PIECE_BAR)
			frame_print_bar(output, state, widths[piece]);
		else
			print_cut(output, widths[piece], "%s", texts[piece]);
	}
	print_end(output);
}

/* ---- the second line: the outcomes --------------------------------------------------------- */

static void frame_print_count(struct output *output, const struct progress_state *state,
			      const struct outcome *outcome, unsigned width)
{
	uint64_t count = state->statuses[outcome->status];
	unsigned gap = output->column > 0 ? GAP : 0;
	char text[PIECE_MAX];

	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)count, outcome->word);
	if (count == 0 || output->column + gap + strlen(text) > width)
		return;
	print_to(output, output->column + gap);
	print_styled(output, outcome->style, "%s", text);
}

/* The problems, the worst first, and then the other outcomes. */
static void frame_print_counts(struct output *output, const struct progress_state *state,
			       unsigned width)
{
	for (size_t i = BS_STATUS_COUNT; i-- > 0;)
		if (outcome_is_problem(outcomes[i].status))
			frame_print_count(output, state, &outcomes[i], width);
	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (!outcome_is_problem(outcomes[i].status))
			frame_print_count(output, state, &outcomes[i], width);
	print_end(output);
}

/* ---- the other lines: the running images --------------------------------------------------- */

/* Returns the longest end of `visible` that fits into `columns`. */
static const char *frame_visible_tail(const char *visible, unsigned columns)
{
	unsigned taken = text_columns(visible);

	while (taken > columns) {
		uint32_t character;

		visible += text_decode(visible, &character);
		taken -= text_character_columns(character);
	}
	return visible;
}

/* Cuts a long path in the middle, because the name at its end is most important. */
static void frame_print_path(struct output *output, const char *path, unsigned columns)
{
	char *visible = text_visible(path, output->unicode);
	unsigned head = columns / 3;

	if (!visible)
		return;
	if (text_columns(visible) <= columns) {
		print(output, "%s", visible);
	} else {
		print_cut(output, head, "%s", visible);
		print(output, "%s", frame_visible_tail(visible, columns - head));
	}
	free(visible);
}

/* Only the start of libguestfs' appliance tells how much of it is done. */
static void frame_print_verb(struct output *output, const struct progress_slot *slot)
{
	static const char *const verbs[BS_PHASE_COUNT] = {
		[BS_PHASE_OPENING] = "opening",          [BS_PHASE_INSPECTING] = "reading",
		[BS_PHASE_REHEARSING] = "rehearsing",    [BS_PHASE_CHECKING] = "checking",
		[BS_PHASE_COMMITTING] = "writing",       [BS_PHASE_VERIFYING] = "verifying",
		[BS_PHASE_ASKING] = "asking libguestfs", [BS_PHASE_UNDOING] = "undoing",
		[BS_PHASE_STARTING] = "starting",        [BS_PHASE_WAITING] = "waiting",
	};

	if (slot->percent > 0)
		print(output, "starting libguestfs: %u %% ", slot->percent);
	else
		print(output, "%s ", verbs[slot->phase]);
	print_to(output, GAP + VERB_WIDTH);
}

static void frame_print_running(struct output *output, const struct progress_state *state,
				const struct progress_slot *slot, unsigned width)
{
	uint64_t seconds = (state->now - slot->since) / 1000;
	char time[PIECE_MAX] = "";

	print_to(output, GAP);
	if (width >= VERB_FROM) {
		frame_print_verb(output, slot);
		if (seconds >= LONG_RUNNING)
			snprintf(time, sizeof(time), " (%llu s)", (unsigned long long)seconds);
	}
	frame_print_path(output, slot->path, width - output->column - (unsigned)strlen(time));
	print_styled(output, STYLE_FAINT, "%s", time);
	print_end(output);
}

/* Prints at most `most` lines and returns their number.  `most` is at least 1. */
static unsigned frame_print_all_running(struct output *output, const struct progress_state *state,
					unsigned width, unsigned most)
{
	size_t running = 0, shown = 0, limit;

	for (size_t i = 0; i < state->slots.count; i++)
		running += state->slots.items[i].path ? 1 : 0;
	limit = running <= most ? running : most - 1;
	for (size_t i = 0; i < state->slots.count && shown < limit; i++) {
		if (!state->slots.items[i].path)
			continue;
		frame_print_running(output, state, &state->slots.items[i], width);
		shown++;
	}
	if (shown == running)
		return (unsigned)shown;
	print_to(output, GAP);
	print_cut(output, width - GAP, "%zu %srunning", running - shown, shown > 0 ? "more " : "");
	print_end(output);
	return (unsigned)shown + 1;
}

unsigned progress_frame(struct output *output, const struct progress_state *state, unsigned columns,
			unsigned rows)
{
	/* At most half of a large terminal, to leave the lines above visible. */
	unsigned most = rows > 12 ? rows / 2 : rows - 1 < 6 ? rows - 1 : 6;
	unsigned lines = 1;

	frame_print_first_line(output, state, columns - 1);
	if (most >= 2 && state->done > 0) {
		frame_print_counts(output, state, columns - 1);
		lines++;
	}
	if (lines < most)
		lines += frame_print_all_running(output, state, columns - 1, most - lines);
	return lines;
}
