/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person sees of one image.  The functions print what there is in the result and never
 * fail; the error of a result is printed by report_error() alone.
 */
#ifndef BOOTSHIFT_CLI_REPORT_TEXT_H
#define BOOTSHIFT_CLI_REPORT_TEXT_H

#include "cli/options.h"

typedef void report_function(struct output *output, const char *image,
			     const struct settings *settings, const struct bs_result *result);

report_function report_inspection;
report_function report_plan;
report_function report_fix;
report_function report_undo;

/* The command that fixes this image with the options that were given. */
void print_fix_command(struct output *output, const char *image, const struct settings *settings);

#endif
