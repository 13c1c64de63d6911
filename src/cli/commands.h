/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands do: the library's functions for each image, and a report on each. */
#ifndef BOOTSHIFT_CLI_COMMANDS_H
#define BOOTSHIFT_CLI_COMMANDS_H

#include "cli/options.h"
#include "cli/report-text.h"

/* Deals with one image; fills in *result, to be freed with bs_result_free(), in every case. */
typedef enum bs_exit run_function(const char *image, const struct settings *settings,
				  struct bs_result *result);

run_function run_inspect;
run_function run_plan;
run_function run_fix;
run_function run_undo;

struct command {
	const char *name;
	enum command_bit bit;
	bool several; /* takes more than one image */
	run_function *run;
	report_function *report;
	const char *help; /* one line */
};

/* Which of two exit statuses says the more: recovery, failed, refused, done. */
enum bs_exit worse_exit(enum bs_exit one, enum bs_exit other);

/*
 * Runs a command for each image, whatever becomes of the others.  Returns the worst status.  One
 * that changes images holds the signals that ask to stop, and stops between two of them.
 */
enum bs_exit command_run(const struct command *command, const struct settings *settings,
			 char *const *images, int count);

/*
 * The exit status of a command once its report is written out, here, or could not be, which is
 * said on standard error, with the number of images that the command dealt with all the same.
 */
enum bs_exit finish_report(enum bs_exit status, struct output *output, int done);

#endif
