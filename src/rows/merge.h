/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latest row of each image, out of one file of rows or several, in the order of the images'
 * locations.  One that found nothing to do does not count where an earlier one says fixed: the fix
 * is still there, unless it was undone in between, and only that row leads to its undo file.
 *
 * Kept in memory are the locations and where in the files the rows are, not the rows.  A row is
 * later than another one when it is further down in the same file, or else by the time it tells, so
 * that the order of the files does not matter; only where times are the same, the file that was
 * added later counts.
 */
#ifndef BOOTSHIFT_ROWS_MERGE_H
#define BOOTSHIFT_ROWS_MERGE_H

#include "rows/row.h"

struct merge;

/* NULL when memory runs out. */
struct merge *merge_open(void);

/*
 * Adds all rows of a file from its present place on, before any of the functions below is called.
 * It is borrowed until merge_close() and can be read at any place; it is not written to meanwhile,
 * but for rows behind its present end.  `name` is for messages.
 * A last line without an end is passed over; *skipped is the number of other lines that are no
 * rows.  Errors: BS_IO, BS_NO_MEMORY.
 */
MUST_CHECK int merge_add(struct merge *merge, FILE *rows, const char *name, uint64_t *skipped,
			 struct bs_error *err);

/* The number of images. */
size_t merge_count(struct merge *merge);

/*
 * The latest row of the image at an index, from 0 to merge_count() - 1; freed with row_free().
 * Errors: BS_IO, BS_NO_MEMORY, and BS_ROW_INVALID when the file was changed meanwhile.
 */
MUST_CHECK int merge_read(struct merge *merge, size_t index, struct row *row, struct bs_error *err);

/*
 * The latest row of the image that says fixed or recovery-required, whatever later ones say, unless
 * it was undone since: then, and where there is none, row->object is NULL.  Else as merge_read().
 */
MUST_CHECK int merge_read_change(struct merge *merge, size_t index, struct row *row,
				 struct bs_error *err);

/*
 * Calls a function for each image in turn, with its latest row, until one returns other than 0,
 * which is returned then.  Errors: those of merge_read(), and of the function.
 */
typedef int merge_function(void *context, size_t index, const struct row *row,
			   struct bs_error *err);
MUST_CHECK int merge_each(struct merge *merge, merge_function *function, void *context,
			  struct bs_error *err);

void merge_close(struct merge *merge);

#endif
