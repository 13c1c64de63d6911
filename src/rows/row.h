/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row: what became of one image of a batch, as one line of JSON (bootshift-json(5), "The rows of
 * a batch").
 *
 * The process that deals with an image makes the row; the one that runs the batch passes it on,
 * and the reports are made of rows alone.  So a page that is made tomorrow, from the rows of ten
 * machines, tells what one made on the spot tells.
 */
#ifndef BOOTSHIFT_ROWS_ROW_H
#define BOOTSHIFT_ROWS_ROW_H

#include <jansson.h>
#include <stdbool.h>

#include "util/err.h"

#define ROW_SCHEMA     1          /* changes when a field changes its meaning or goes */
#define ROW_LENGTH_MAX (1u << 20) /* bytes of a line, its end included; more than any row has */

/* What batches ask of a row; strings belong to `object`, unless it says otherwise. */
struct row {
	json_t *object;
	const char *path; /* as found, invalid UTF-8 as U+FFFD */
	char *location;   /* the image's absolute path, bytes as the kernel wants them, or its URI;
			     of its own */
	enum bs_status status;
	enum bs_code code;     /* BS_OK unless refused, failed or recovery-required */
	const char *message;   /* NULL with BS_OK */
	const char *undo_file; /* as far as it can be shown; NULL when there is none */
	char *undo_location;   /* the same, bytes as the kernel wants them; of its own */
	bool dry_run, recovered, exact;
	uint64_t begun;        /* when the batch began, nanoseconds since 1970 */
	uint64_t ended;        /* when it was done with, or no later than that; the same */
	uint64_t size;         /* bytes of the container, when it was done with */
	uint64_t modified;     /* its time then, nanoseconds since 1970; 0: not known */
	uint64_t bytes;        /* that were changed */
	uint64_t milliseconds; /* that it took */
};

/* What a row is about, apart from what became of it.  Everything is borrowed. */
struct row_subject {
	const char *command; /* "batch" or "undo" */
	const char *path;    /* as found */
	const char *location;
	const struct bs_options *options; /* those that the user gave, for advice; or NULL */
	const char *file; /* path of the file with the image's bytes; NULL: not a file */
	uint64_t begun;
	bool dry_run;
};

/*
 * The size and the time of change of a file, as rows have them; *modified is 0 for a device.  False
 * when it is not there.
 */
bool row_look(const char *file, uint64_t *size, uint64_t *modified);

/*
 * Makes the row of an image, whose file is looked at now.  Freed with row_free() in every case.
 * Error: BS_NO_MEMORY.
 */
MUST_CHECK int row_make(const struct row_subject *subject, const struct bs_result *result,
			struct row *row, struct bs_error *err);

/*
 * Takes a line apart, with or without its end.  Freed with row_free() in every case.  Errors:
 * BS_ROW_INVALID, BS_NO_MEMORY.
 */
MUST_CHECK int row_parse(const char *line, size_t length, struct row *row, struct bs_error *err);

/* Makes it the row of an image that failed, for another reason than it says.  BS_NO_MEMORY. */
MUST_CHECK int row_fail(struct row *row, const struct bs_error *reason, struct bs_error *err);

/* Makes it the row of an image that was taken back, by whomever.  BS_NO_MEMORY. */
MUST_CHECK int row_set_undone(struct row *row, struct bs_error *err);

/* The line, in ASCII, with its end.  The caller frees it; NULL when memory runs out. */
char *row_line(const struct row *row);

/* Whether rows with a status have a code and a message. */
bool row_is_problem(enum bs_status status);

void row_free(struct row *row);

#endif
