/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text report on one image.  The functions print the content of a result, except its error, and
 * never fail.
 */
#ifndef BOOTSHIFT_CLI_REPORT_TEXT_H
#define BOOTSHIFT_CLI_REPORT_TEXT_H

#include "cli/options.h"
#include "report/advice.h"

typedef void report_function(struct output *output, const char *image,
			     const struct settings *settings, const struct bs_result *result);

report_function report_inspection;
report_function report_plan;
report_function report_fix;
report_function report_boot;
report_function report_verification;
report_function report_undo;
report_function report_accept;

/* Prints the files that hold the rest of the image's disk, on one line; nothing if there are none. */
void report_parents(struct output *output, const struct bs_result *result);

/* Prints the drawing of a start, and how the machine was run.  NULL: prints nothing. */
void report_start(struct output *output, const struct bs_start *start);

/* Whether the image needs no fix because it is fixed already, as far as is known. */
bool report_is_fixed(const struct bs_result *result);

/* Prints for such an image when it was fixed, where its undo file is, and how to undo the fix. */
void report_fixed(struct output *output, const struct advice_subject *subject,
		  const struct bs_result *result);

/* The same as the end of a line: "; fixed on ...; to undo: ...". */
void report_fixed_shortly(struct output *output, const struct advice_subject *subject,
			  const struct bs_result *result);
/* After a fix: prints what comes next for the image, and the command that takes the fix back. */
void report_fix_next(struct output *output, const char *image, const struct settings *settings,
		     const struct bs_result *result);

/* The same once for several images. */
void report_fixes_next(struct output *output, const struct settings *settings);

/* Whether a plan makes the boot files anew. */
bool plan_makes_store(const struct bs_plan *plan);

/* Prints what a plan does, a numbered line for each operation. */
void report_plan_operations(struct output *output, const struct bs_plan *plan);

/* Prints what bs_changes() found; `all`: every range of bytes. */
void report_changes(struct output *output, const struct bs_result *result, bool all);

/* Prints the command that fixes an image with these options.  `plan_file` may be NULL. */
void print_fix_command(struct output *output, const char *image, const struct bs_options *options,
		       const char *plan_file);

#endif
