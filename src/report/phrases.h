/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phrases that more than one report has. */
#ifndef BOOTSHIFT_REPORT_PHRASES_H
#define BOOTSHIFT_REPORT_PHRASES_H

#include "report/output.h"

/* "bootshift: IMAGE: what is wrong (code); what to do" */
void report_error(struct output *output, const char *image, const struct bs_error *error);

/* A word as a shell would have to be given it.  The caller frees it; NULL when memory runs out. */
char *shell_word(const char *word);
void print_shell_word(struct output *output, const char *word);

/* "s" for all numbers but 1. */
const char *plural(uint64_t number);

#endif
