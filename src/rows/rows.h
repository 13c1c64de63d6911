/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of rows of a batch, one a line: written to its end only, and each row is on the storage
 * before the next image is begun in its place.
 *
 * What always holds: the rows of an earlier batch are never overwritten, as they lead to the undo
 * files; one batch at a time writes to a file; what a killed one has left of a row is cut off
 * before another row comes, and nothing else is.
 */
#ifndef BOOTSHIFT_ROWS_ROWS_H
#define BOOTSHIFT_ROWS_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "rows/row.h"

struct rows;

/*
 * Opens a file for rows, to be added to those that there are; "-" is standard output, and NULL for
 * none.  With `keep` there is something to read them from again also where the file is none that
 * can be read.  NULL on error: BS_ROW_INVALID (a block device, or it ends with something that is
 * no row), BS_IN_USE, BS_NOT_FOUND, BS_NO_PERMISSION, BS_READ_ONLY, BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK struct rows *rows_open(const char *path, bool keep, struct bs_error *err);

/* Nanoseconds since 1970: when the file was made, or written to last where that cannot be told. */
uint64_t rows_made(const struct rows *rows);

/*
 * Adds a row, durably.  After an error, which says BS_NO_SPACE or BS_IO, nothing is added any more,
 * and what there is is whole rows.
 */
MUST_CHECK int rows_add(struct rows *rows, const struct row *row, struct bs_error *err);

/* For reading all rows; of its own, closed with fclose().  NULL on error: BS_IO. */
MUST_CHECK FILE *rows_read(const struct rows *rows, struct bs_error *err);

/*
 * Gives the file that `keep` made a name, for when nothing else came of the rows.  Returns it, for
 * the caller to free; NULL on error.
 */
MUST_CHECK char *rows_keep(const struct rows *rows, struct bs_error *err);

/* Whether they are in the file that was named, so that a later batch can go on with them. */
bool rows_are_kept(const struct rows *rows);

/* NULL is allowed. */
void rows_close(struct rows *rows);

#endif
