/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands, and how their results are reported. */
#ifndef BOOTSHIFT_CLI_COMMANDS_H
#define BOOTSHIFT_CLI_COMMANDS_H

#include <jansson.h>

#include "cli/options.h"
#include "cli/report-text.h"

/* Works on one image.  The caller frees *result with bs_result_free() in every case. */
typedef enum bs_exit run_function(const char *image, const struct settings *settings,
				  struct bs_result *result);

run_function run_inspect;
run_function run_plan;
run_function run_fix;
run_function run_boot;
run_function run_verify;
run_function run_undo;
run_function run_accept;

/* Works on all operands at once, prints the report, and returns the exit status. */
typedef enum bs_exit whole_function(const struct settings *settings, char *const *operands,
				    int count);

whole_function run_batch;
whole_function run_report;    /* the operands are files of rows */
whole_function run_undo_list; /* undo --list: the operands are folders */

/* undo --from, accept --from: the operands are patterns; there may be none. */
enum bs_exit run_from(enum command_bit command, const struct settings *settings,
		      char *const *operands, int count);

struct command {
	enum command_bit bit;
	const char *operands; /* for the usage line */
	const char *also;     /* other operands, for a second usage line; or NULL */
	bool several;         /* takes more than one image */
	run_function *run;    /* for a command that goes from image to image; otherwise NULL */
	report_function *report;
	whole_function *whole; /* for the other commands */
	const char *help;      /* one line */
};

/* The worse exit status.  From the worst to the best: recovery, failed, usage, refused, done. */
enum bs_exit worse_exit(enum bs_exit one, enum bs_exit other);

/*
 * Runs a command for each image, also after one of them has failed.  Returns the worst exit status.
 * A command that changes images holds the signals that ask to stop (signals.h), and stops
 * between two images.
 */
enum bs_exit command_run(const struct command *command, const struct settings *settings,
			 char *const *images, int count);

/* Reports the results of images, as text or as one JSON document. */
struct results {
	const struct settings *settings;
	report_function *report;
	json_t *document; /* NULL: text */
	struct output output, errors;
	enum bs_exit worst;
	int images;         /* number of images that the command works on */
	int done;           /* number of images that are done */
	int fixed;          /* number of images whose fix was reported as text */
	int inspected;      /* number of inspections that were reported as text */
	bool changes;       /* the command changes images, and does not only print */
	const char *advice; /* for the next image, in place of the advice of its code; or NULL */
};

/* `name` is the name of the command.  Ends with results_close(). */
void results_open(struct results *results, const char *name, report_function *report,
		  const struct settings *settings);

/*
 * False if no more images should begin: memory has run out, or nobody reads what a command prints
 * that changes nothing.
 */
bool results_are_good(const struct results *results);

void results_add(struct results *results, const char *image, const struct bs_result *result);

/* Reports a failure of the command as a whole, which is not about one image. */
void results_fail(struct results *results, enum bs_exit status);

/* Reports that a signal has stopped the command, with the number of images that did not begin. */
void results_interrupted(struct results *results, uint64_t not_begun);

/* Writes everything and returns the exit status of the command. */
enum bs_exit results_close(struct results *results);

/*
 * Flushes a report and returns the exit status of the command: `status`, or a worse one if the
 * report could not be written.  The error message says that the command was carried out on `done`
 * images.  If the reader has gone, as with "| head -1", that is no failure, and without changed
 * images there is no message.
 */
enum bs_exit finish_report(enum bs_exit status, struct output *output, int done);

/*
 * "bootshift codes [--json] [CODE...]": prints codes with their exit status and advice; without
 * CODE, all.  Returns the exit status, or -1 with BS_USAGE or BS_NO_MEMORY.
 */
MUST_CHECK int run_codes(char *const *words, int count, struct bs_error *err);

#endif
