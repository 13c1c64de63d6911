/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phrases that more than one report has. */
#ifndef BOOTSHIFT_REPORT_PHRASES_H
#define BOOTSHIFT_REPORT_PHRASES_H

#include "report/output.h"
#include "util/shell.h"

/* "bootshift: IMAGE: what is wrong (code); what to do" */
void report_error(struct output *output, const char *image, const struct bs_error *error);

void print_shell_word(struct output *output, const char *word);

/* "s" for all numbers but 1. */
const char *plural(uint64_t number);

#endif
