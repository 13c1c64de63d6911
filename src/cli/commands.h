/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands do, and what is said of each image. */
#ifndef BOOTSHIFT_CLI_COMMANDS_H
#define BOOTSHIFT_CLI_COMMANDS_H

#include <jansson.h>

#include "cli/options.h"
#include "cli/report-text.h"

/* Deals with one image; fills in *result, to be freed with bs_result_free(), in every case. */
typedef enum bs_exit run_function(const char *image, const struct settings *settings,
				  struct bs_result *result);

run_function run_inspect;
run_function run_plan;
run_function run_fix;
run_function run_undo;

/* Deals with all that is named at once, and says what there is to say.  Returns the exit status. */
typedef enum bs_exit whole_function(const struct settings *settings, char *const *operands,
				    int count);

whole_function run_batch;
whole_function run_report;    /* the operands are files of rows */
whole_function run_undo_from; /* undo --from: the operands are patterns, and there may be none */

struct command {
	const char *name;
	enum command_bit bit;
	const char *operands; /* as shown in the usage */
	bool several;         /* takes more than one image */
	/* Either these two, for a command that goes from image to image, */
	run_function *run;
	report_function *report;
	/* or this one. */
	whole_function *whole;
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

/* The images that were dealt with so far, as they are reported: in text or in one JSON document. */
struct account {
	const struct settings *settings;
	report_function *report;
	json_t *document; /* NULL: text */
	struct output output, errors;
	enum bs_exit worst;
	int done;
};

/* `name` is the command's.  Ends with account_close(). */
void account_open(struct account *account, const char *name, report_function *report,
		  const struct settings *settings);

/* False once nothing more can be reported: then nothing more should be done. */
bool account_is_good(const struct account *account);

void account_add(struct account *account, const char *image, const struct bs_result *result);

/* What a signal left undone; it counts as a failure also when that is nothing. */
void account_interrupted(struct account *account, unsigned long long left);

/* Returns the exit status of all. */
enum bs_exit account_close(struct account *account);

/*
 * The exit status of a command once its report is written out, here, or could not be, which is
 * said on standard error, with the number of images that the command dealt with all the same.
 */
enum bs_exit finish_report(enum bs_exit status, struct output *output, int done);

#endif
