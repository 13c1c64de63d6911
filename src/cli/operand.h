/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recognises a file or folder that a command does not work on, and tells what to type instead: a
 * folder, or a file that bootshift itself has written.
 *
 * The checks only make messages better.  Nothing depends on them: a file that is not recognised goes
 * to the command, which refuses it if needed.
 */
#ifndef BOOTSHIFT_CLI_OPERAND_H
#define BOOTSHIFT_CLI_OPERAND_H

#include "cli/options.h"

enum operand_kind {
	OPERAND_UNKNOWN, /* anything else, also what does not exist */
	OPERAND_STDIN,   /* "-" */
	OPERAND_FOLDER,
	OPERAND_UNDO_FILE,
	OPERAND_ROWS, /* a file of batch results */
	OPERAND_PLAN,
	OPERAND_PAGE,
	OPERAND_DOCUMENT, /* what a command prints with --json */
	OPERAND_IMAGE,
	OPERAND_KIND_COUNT
};

/* Reads only regular files, and only as much as needed. */
enum operand_kind operand_kind(const char *path);

/*
 * Checks an image of inspect, plan, fix, verify or undo.  If the path is recognised as something
 * else, returns -1 with BS_WRONG_KIND and sets *advice to what to type instead.  The caller frees
 * *advice, which is NULL when memory runs out.  For a fix that is a dry run, the advice is one, too.
 */
MUST_CHECK int operand_check_image(enum command_bit command, const struct settings *settings,
				   const char *path, char **advice, struct bs_error *err);

/*
 * What to type with a plan whose image was not named; `command` is fix, verify, or plan for a dry
 * run.  The caller frees it; NULL: the file is not a plan, or memory has run out.
 */
char *operand_advise_plan(enum command_bit command, const char *path);

/* A file of the command line that is of the wrong kind. */
struct operand_problem {
	const char *path;
	struct bs_error error;
	char *advice; /* the caller frees it */
};

/*
 * Checks the files that a command reads as a whole: the plan of fix and verify, the rows of undo
 * --from, of report and of batch --jsonl, and what batch works on.  Returns -1 for the first file of
 * the wrong kind.
 */
MUST_CHECK int operands_check(enum command_bit command, const struct settings *settings,
			      char *const *operands, int count, struct operand_problem *problem);

#endif
