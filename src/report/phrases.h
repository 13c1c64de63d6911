/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phrases that more than one report has. */
#ifndef BOOTSHIFT_REPORT_PHRASES_H
#define BOOTSHIFT_REPORT_PHRASES_H

#include "report/output.h"
#include "util/shell.h"

/* "bootshift: NAME: what is wrong (code); what to do", of what is no image (advice.h: of one). */
void report_error(struct output *output, const char *name, const struct bs_error *error);

/* The same with another advice, which may be empty. */
void print_problem(struct output *output, const char *name, const struct bs_error *error,
		   const char *advice);

/*
 * "bootshift: NAME: 3 lines skipped: not valid rows".  `name` is the file of rows; NULL: no name.
 */
void print_skipped(struct output *output, const char *name, uint64_t lines);

void print_shell_word(struct output *output, const char *word);

/* "s" for all numbers but 1. */
const char *plural(uint64_t number);

#endif
