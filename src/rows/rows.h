/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of rows of a batch: one row a line, always appended.
 *
 * What always holds:
 * - Earlier rows are never overwritten, because they lead to the undo files.
 * - A row is on the storage before the next image of its slot begins.
 * - Only one batch at a time writes to a file.
 * - An incomplete row that a killed batch has left is cut off before a new row is added.  Nothing
 *   else is ever cut off.
 */
#ifndef BOOTSHIFT_ROWS_ROWS_H
#define BOOTSHIFT_ROWS_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "report/replace-file.h"
#include "rows/row.h"

struct rows;

extern const struct file_kind rows_file_kind;

/*
 * Opens a file to add rows, and makes it if needed.  `path` may be "-" (standard output) or NULL
 * (no file).  With `readable`, the rows also go to a temporary file if `path` cannot be read again:
 * a pipe, standard output, or NULL.
 *
 * NULL on error: BS_FILE_EXISTS (a block device, or a file that does not end like a file of rows),
 * BS_IN_USE, BS_NOT_FOUND, BS_NO_PERMISSION, BS_READ_ONLY, BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK struct rows *rows_open(const char *path, bool readable, struct bs_error *err);

/*
 * Lock a file of rows that a new file is going to replace, so that no batch adds rows that would be
 * lost.  rows_lock_old() is for a file that is there; if there is none, or it is no regular file,
 * *lock is -1.  rows_lock_new() makes an empty file; *lock is -1 if there is something that is no
 * regular file.  The caller closes *lock when the new file is in its place.
 * Errors: BS_IN_USE, and those of open(2).
 */
MUST_CHECK int rows_lock_old(const char *path, int *lock, struct bs_error *err);
MUST_CHECK int rows_lock_new(const char *path, int *lock, struct bs_error *err);

/*
 * The time when the file was made, in nanoseconds since 1970.  If the file system does not know it:
 * the modification time.
 */
uint64_t rows_created(const struct rows *rows);

/*
 * Adds a row, and writes it to the storage.  Errors: BS_NO_SPACE, BS_IO, BS_NO_MEMORY, and
 * BS_OUTPUT for what is no regular file.  After an error no row may be added.  The earlier rows stay complete.
 */
MUST_CHECK int rows_add(struct rows *rows, const struct row *row, struct bs_error *err);

/*
 * Opens a stream at the first row, with its own position.  The caller closes it.  NULL on error:
 * BS_IO.
 */
MUST_CHECK FILE *rows_open_reader(const struct rows *rows, struct bs_error *err);

/*
 * Saves the temporary file under a name in the folder for temporary files.  Returns its path, which
 * the caller frees; NULL on error.
 */
MUST_CHECK char *rows_save(const struct rows *rows, struct bs_error *err);

/* Whether `path` of rows_open() is a regular file, so that a later batch can resume with it. */
bool rows_can_resume(const struct rows *rows);

/*
 * Copies standard input to a temporary file, so that its rows can be read in any order.  Returns the
 * copy at its first row.  The caller closes it; NULL on error: BS_NO_SPACE, BS_IO.
 */
MUST_CHECK FILE *rows_copy_stdin(struct bs_error *err);

/* NULL is allowed. */
void rows_close(struct rows *rows);

#endif
