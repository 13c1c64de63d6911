/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phrases of several reports. */
#ifndef BOOTSHIFT_REPORT_PHRASES_H
#define BOOTSHIFT_REPORT_PHRASES_H

#include "report/output.h"
#include "util/shell.h"

/*
 * Prints "bootshift: NAME: what is wrong (code); what to do".  `name` is not an image; for an image
 * see advice_print_error().  NULL: the message itself has the name.
 */
void report_error(struct output *output, const char *name, const struct bs_error *error);

/* Prints the same with another advice, which may be empty. */
void print_problem(struct output *output, const char *name, const struct bs_error *error,
		   const char *advice);

/*
 * The same for an advice that ends with a command.  `command` points into `advice`, or is NULL.  A
 * narrow terminal gets the command on a line of its own, so that the user can copy it.
 */
void print_problem_and_command(struct output *output, const char *name,
			       const struct bs_error *error, const char *advice,
			       const char *command);

/*
 * "bootshift: NAME: 3 lines were not batch results and were ignored".  `name` is the file of rows;
 * NULL: no name.
 */
void print_skipped(struct output *output, const char *name, uint64_t lines);

void print_shell_word(struct output *output, const char *word);

#endif
