/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/live.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERASE "\r\033[K"

void live_end(struct live *live)
{
	if (!live->shown)
		return;
	fputs(ERASE, live->stream);
	fflush(live->stream);
	live->shown = false;
}

static void live_show(struct live *live, const char *text)
{
	live_end(live);
	fputs(text, live->stream);
	fflush(live->stream);
	live->shown = true;
}

/* See struct bs_options. */
static void live_take_phase(void *context, enum bs_phase phase)
{
	struct live *live = context;

	if (phase == BS_PHASE_WAITING)
		live_show(live, "waiting");
	else if (phase == BS_PHASE_ASKING)
		live_show(live, "asking libguestfs");
	else if (phase == BS_PHASE_STARTING)
		live_show(live, "starting the disk in a virtual machine");
	else
		live_end(live);
}

/* See struct bs_options. */
static void live_take_amount(void *context, unsigned percent)
{
	char text[48];

	snprintf(text, sizeof(text), "starting libguestfs: %u %%", percent);
	live_show(context, text);
}

void live_begin_on(struct live *live, FILE *stream, struct bs_options *options)
{
	*live = (struct live){.stream = stream};
	options->progress = live_take_phase;
	options->amount = live_take_amount;
	options->progress_context = live;
}

void live_begin(struct live *live, struct bs_options *options)
{
	const char *terminal = getenv("TERM");

	*live = (struct live){.stream = NULL};
	if (isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0)
		live_begin_on(live, stderr, options);
}
