/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the command line asks for. */
#ifndef BOOTSHIFT_CLI_OPTIONS_H
#define BOOTSHIFT_CLI_OPTIONS_H

#include <stdbool.h>

#include "batch/find.h"
#include "report/output.h"

/* The commands as a set of bits: which of them take an option. */
enum command_bit {
	COMMAND_INSPECT = 1,
	COMMAND_PLAN = 2,
	COMMAND_FIX = 4,
	COMMAND_UNDO = 8,
	COMMAND_BATCH = 16,
	COMMAND_REPORT = 32,
};

/* Strings are borrowed from the command line. */
struct settings {
	struct bs_options options; /* for the library */
	bool json;
	bool dry_run;
	bool quiet;
	bool verbose;
	bool help;
	bool version;
	enum output_colour colour;
	/* plan, report: the file to write, "-" for standard output, or NULL */
	const char *output;
	const char *plan_file; /* fix: the plan to keep to, or NULL */
	/* batch */
	struct find_patterns include, exclude;
	bool follow, resume;
	uint32_t shard, shards;
	uint32_t timeout, failures_max; /* seconds; 0: no end */
	const char *page;               /* like `output` */
	const char *rows;               /* batch, report: the same, of rows */
	uint32_t jobs;                  /* batch, undo: 0 for the number of processors */
	const char *from;               /* undo: the rows of the batch to take back, or NULL */
};

/*
 * Reads the options of one command from argv[1] on; argv[0] is the command itself.  Options and
 * images may stand in any order: on return the images are argv[*first_image] and what follows.
 * BS_USAGE with a message for the user.
 */
MUST_CHECK int options_parse(enum command_bit command, int argc, char **argv,
			     struct settings *settings, int *first_image, struct bs_error *err);

/* Prints the options of one command, one a line. */
void options_help(struct output *output, enum command_bit command);

#endif
