/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of the command line. */
#ifndef BOOTSHIFT_CLI_OPTIONS_H
#define BOOTSHIFT_CLI_OPTIONS_H

#include <stdbool.h>

#include "batch/find.h"
#include "batch/resume.h"
#include "cli/names.h"
#include "report/output.h"

/* Strings are borrowed from the command line. */
struct settings {
	struct bs_options options; /* for the library */
	bool json, dry_run, quiet, verbose, help, version;
	enum output_colour colour;
	const char *output;    /* plan, report: file to write, "-" for standard output, or NULL */
	const char *plan_file; /* fix, verify: the plan that the fix has to equal, or NULL */
	struct find_request find;       /* batch: patterns, links and shards */
	bool resume;                    /* batch */
	struct retry retry;             /* batch; implies `resume` */
	uint32_t timeout, failures_max; /* batch: see struct batch_request */
	const char *page;               /* batch: like `output`, for the page */
	const char *rows;               /* batch, report: like `output`, for the rows */
	uint32_t jobs;                  /* batch, undo: images at the same time; 0: by processors */
	const char *picture;            /* boot: file for the picture of the last screen, or NULL */
	bool changes;                   /* inspect: also tell what an earlier fix changed */
	bool list;                      /* undo: the operands are folders with undo files */
	const char *from;               /* undo: the rows of the batch to undo, or NULL */
	char *const *words;             /* the command, its options and operands, for reports */
	int word_count;
	const char *bare_size; /* the size as it was given, if that is without a unit */
};

/*
 * Reads the options of one command from argv[1] on; argv[0] is the command.  Options and images may
 * come in any order: the function moves the images to the end, from argv[*first_image] on.  Error:
 * BS_USAGE.
 */
MUST_CHECK int options_parse(enum command_bit command, int argc, char **argv,
			     struct settings *settings, int *first_image, struct bs_error *err);

/*
 * The index in argv of the first word that is neither an option of any command nor its value; argc
 * if there is none.
 */
int options_find_command(int argc, char *const *argv);

/* Sets the error for a command line of options without a command.  Returns -1. */
int options_fail_no_command(int argc, char *const *argv, struct bs_error *err);

/* Prints the options of one command, one a line. */
void options_help(struct output *output, enum command_bit command);

#endif
