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
static int live_take(void *context, const struct bs_progress *progress)
{
	struct live *live = context;
	char text[48];

	if (progress->phase == BS_PHASE_WAITING && progress->total != 0) {
		snprintf(text, sizeof(text), "starting libguestfs: %u %%",
			 (unsigned)progress->done);
		live_show(live, text);
	} else if (progress->phase == BS_PHASE_WAITING) {
		live_show(live, "waiting");
	} else if (progress->done != 0) {
		return 0; /* only phases are told */
	} else if (progress->phase == BS_PHASE_ASKING) {
		live_show(live, "asking libguestfs");
	} else if (progress->phase == BS_PHASE_STARTING) {
		live_show(live, "starting the disk in a virtual machine");
	} else {
		live_end(live);
	}
	return 0;
}

void live_begin_on(struct live *live, FILE *stream, struct bs_options *options)
{
	*live = (struct live){.stream = stream};
	options->progress = live_take;
	options->progress_context = live;
}

void live_begin(struct live *live, struct bs_options *options)
{
	const char *terminal = getenv("TERM");

	*live = (struct live){.stream = NULL};
	if (isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0)
		live_begin_on(live, stderr, options);
}
