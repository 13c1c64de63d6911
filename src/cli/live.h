/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows on a terminal that a command waits for libguestfs' appliance, which may take a minute.  All
 * other phases are short or tell their progress in the report.  The line is erased afterwards.
 */
#ifndef BOOTSHIFT_CLI_LIVE_H
#define BOOTSHIFT_CLI_LIVE_H

#include <stdbool.h>
#include <stdio.h>

#include "bootshift.h"

struct live {
	FILE *stream; /* NULL: nothing is shown */
	bool shown;   /* a line is on the screen */
};

/* Has the options tell what happens.  Shows nothing if standard error is no terminal. */
void live_begin(struct live *live, struct bs_options *options);

/* The same on any stream. */
void live_begin_on(struct live *live, FILE *stream, struct bs_options *options);

/* Erases the line. */
void live_end(struct live *live);

#endif
