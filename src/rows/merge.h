/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latest row of each image, from one or more files of rows, in the order of the images'
 * locations.
 *
 * One exception: if the latest row says "nothing to do" and an earlier row says "fixed", the
 * earlier row counts.  The fix is still in place, and only that row leads to the undo file.  The
 * exception does not apply if the fix was undone, or accepted, in between.
 *
 * Which of two rows is later:
 *   in one file     the row that is further down
 *   in two files    the row that ended later; if they ended at the same time, the row of the file
 *                   that was added later
 * So the order in which files are added matters only in the last case.
 *
 * Memory holds the locations of the images and the positions of the rows, not the rows.
 */
#ifndef BOOTSHIFT_ROWS_MERGE_H
#define BOOTSHIFT_ROWS_MERGE_H

#include "rows/row.h"

struct merge;

/* NULL when memory runs out. */
struct merge *merge_open(void);

/*
 * Adds all rows of a file, from the current position of `rows` to the end.  All files have to be
 * added before any function below is called.
 *
 * `rows` must be seekable and is borrowed until merge_close().  Until then the file may grow, but
 * its present content must not change.  `name` is for messages.
 *
 * An incomplete last line is ignored.  *skipped is the number of other lines that are not valid
 * rows.  Errors: BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK int merge_add(struct merge *merge, FILE *rows, const char *name, uint64_t *skipped,
			 struct bs_error *err);

/*
 * Opens a merge with all rows of one file, from its current position on.  merge_close() closes the
 * file.  `rows` may be NULL if *err says why.  NULL on error: those of merge_add(); BS_ROW_INVALID
 * if the file has lines, but none of them is a valid row.
 */
MUST_CHECK struct merge *merge_open_file(FILE *rows, const char *name, uint64_t *skipped,
					 struct bs_error *err);

/* The number of rows that were added. */
size_t merge_rows(const struct merge *merge);

/* The number of images. */
size_t merge_count(struct merge *merge);

/*
 * Reads the latest row of an image; `index` is from 0 to merge_count() - 1.  The caller frees the
 * row with row_free() in every case.  Errors: BS_IO, BS_NO_MEMORY; BS_ROW_INVALID if the content of
 * the file has changed since merge_add().
 */
MUST_CHECK int merge_read(struct merge *merge, size_t index, struct row *row, struct bs_error *err);

/*
 * Reads the latest row that says that the image is changed: fixed or recovery-required.  Later rows
 * with another status do not matter, except undone and accepted.  row->object is NULL if there is no
 * such row, or if it was undone or accepted later.  Otherwise as merge_read().
 */
MUST_CHECK int merge_read_change(struct merge *merge, size_t index, struct row *row,
				 struct bs_error *err);

/*
 * Calls a function for each image, in order, with the row that merge_read() reads.  Stops when the
 * function returns -1.  Errors: those of merge_read() and of the function.
 */
typedef int merge_function(void *context, size_t index, const struct row *row,
			   struct bs_error *err);
MUST_CHECK int merge_each(struct merge *merge, merge_function *function, void *context,
			  struct bs_error *err);

/* NULL is allowed. */
void merge_close(struct merge *merge);

#endif
