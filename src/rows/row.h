/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row: the outcome of one image of a batch, as one line of JSON (bootshift-json(5), "The rows of
 * a batch").
 *
 * The process that works on an image makes the row, and the batch process stores it.  All reports
 * are made from rows only.  So a later report about the rows of several machines says the same as
 * the page that the batch itself writes.
 */
#ifndef BOOTSHIFT_ROWS_ROW_H
#define BOOTSHIFT_ROWS_ROW_H

#include <jansson.h>
#include <stdbool.h>

#include "report/need.h"
#include "util/err.h"

#define ROW_SCHEMA     2          /* rises when a field is removed or changes its meaning */
#define ROW_LENGTH_MAX (1u << 20) /* bytes of a line with its newline; above any real row */

/* The fields that a batch uses.  `object` owns the strings, unless a comment says otherwise. */
struct row {
	json_t *object;
	const char *command; /* "batch", "undo" or "accept" */
	const char *path;    /* as found; U+FFFD for each invalid byte */
	const char *uri;     /* URI of the location */
	char *location;      /* see location.h; the row owns it */
	enum bs_status status;
	enum bs_code code;     /* BS_OK unless refused, failed or recovery-required */
	const char *message;   /* NULL with BS_OK */
	const char *undo_file; /* U+FFFD for each invalid byte; NULL: none */
	const char *undo_uri;  /* of the undo file; NULL: none, or a row of an old version */
	char *undo_location;   /* of the undo file; the row owns it; NULL: none */
	bool dry_run, recovered, exact;
	enum conversion_need need; /* before the fix; NEED_UNKNOWN in rows of old versions */
	const char *host;          /* on which the row was made; NULL in rows of old versions */
	/* Times are nanoseconds since 1970. */
	uint64_t begun;    /* when the batch began */
	uint64_t ended;    /* when the work on the image ended; `begun` in rows of old versions */
	uint64_t size;     /* bytes of the container at the time `ended` */
	uint64_t modified; /* the container's modification time at `ended`; 0: unknown */
	uint64_t bytes;    /* changed bytes of the container */
	uint64_t freed;    /* bytes of the undo file that was removed */
	uint64_t milliseconds; /* duration of the work on the image */
};

/* The fields of a row that do not depend on the outcome.  All pointers are borrowed. */
struct row_subject {
	const char *command; /* "batch", "undo" or "accept" */
	const char *path;    /* as found */
	const char *location;
	const struct bs_options *options; /* the options of the user, for advice; or NULL */
	const char *file; /* path of the file with the image's bytes; NULL: no file */
	uint64_t begun;   /* as in struct row */
	bool dry_run;
};

/*
 * The size and the modification time of a file, as in struct row.  Both are 0 for a device.
 * Returns false if the file cannot be found.
 */
bool row_stat(const char *file, uint64_t *size, uint64_t *modified);

/*
 * Makes the row of an image, with the size and the modification time that the file has now.  The
 * caller frees the row with row_free() in every case.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int row_make(const struct row_subject *subject, const struct bs_result *result,
			struct row *row, struct bs_error *err);

/*
 * Parses a line, with or without its newline.  The caller frees the row with row_free() in every
 * case.  Errors: BS_ROW_INVALID, BS_NO_MEMORY.
 */
MUST_CHECK int row_parse(const char *line, size_t length, struct row *row, struct bs_error *err);

/* Sets the status to failed, with `reason` as code and message.  Error: BS_NO_MEMORY. */
MUST_CHECK int row_fail(struct row *row, const struct bs_error *reason, struct bs_error *err);

/* Sets a status that has no code.  Error: BS_NO_MEMORY. */
MUST_CHECK int row_set_status(struct row *row, enum bs_status status, struct bs_error *err);

/* The room that the active volume needs, in bytes; 0: not known. */
uint64_t row_needed_room(const struct row *row);

/* Whether a fix of the image gives only the signature back: the boot files are with Windows. */
bool row_is_signature_alone(const struct row *row);

/* Whether the findings of the image have a code. */
bool row_has_finding(const struct row *row, enum bs_code code);

/* The line, in ASCII, with its newline.  The caller frees it; NULL when memory runs out. */
char *row_line(const struct row *row);

void row_free(struct row *row);

#endif
