/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person sees while a batch runs.
 *
 * On a terminal some lines at the bottom live: how far the batch is, what became of the images so
 * far, and what each running one is doing.  Above them a line is left for each image that ended and
 * that has something to say.  Elsewhere there is nothing but that one line an image.
 *
 * What always holds: between two calls the cursor stands at the start of the first live line, so
 * that they can be wiped off whatever the terminal did to them when its size changed, and whatever
 * is printed next, also by others, begins a line of its own.
 */
#ifndef BOOTSHIFT_BATCH_PROGRESS_H
#define BOOTSHIFT_BATCH_PROGRESS_H

#include "report/output.h"
#include "rows/row.h"

enum progress_kind {
	PROGRESS_QUIET,   /* only images that were refused, failed, or need recovery */
	PROGRESS_NORMAL,  /* the same on a terminal, all images elsewhere; and the live lines */
	PROGRESS_VERBOSE, /* all images, and the live lines */
};

struct progress;

/*
 * `total` is the number of images that are to end.  The stream is borrowed.  NULL when memory runs
 * out; later on that only makes less visible.
 */
struct progress *progress_open(FILE *stream, enum output_colour colour, enum progress_kind kind,
			       size_t total);

/* An image is begun in a slot, which is a small number that is free; `path` is as found. */
void progress_start(struct progress *progress, size_t slot, const char *path);
void progress_phase(struct progress *progress, size_t slot, enum bs_phase phase);
void progress_end(struct progress *progress, size_t slot, const struct row *row);

/*
 * Draws the live lines again, if anything in them or the terminal's size has changed.  To be called
 * a few times a second, and when the size changes (SIGWINCH).
 */
void progress_tick(struct progress *progress);

/*
 * Wipes the live lines off and returns the output on which whole lines can be printed above them;
 * the next call of any function here draws them again.
 */
struct output *progress_above(struct progress *progress);

/*
 * Leaves nothing of the live lines, and frees everything.  Returns errno of the first thing that
 * could not be printed, or 0.
 */
int progress_close(struct progress *progress);

#endif
