/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A published journal as a file: reading its records in order, and setting its marks.
 *
 * What always holds: an open journal has an intact header, so its marks can be read.  Records,
 * trailer and length of the file are checked while they are read.  journal_file_validate() checks
 * all of them, and comes before the first write that relies on the journal.
 */
#ifndef BOOTSHIFT_JOURNAL_FILE_H
#define BOOTSHIFT_JOURNAL_FILE_H

#include "transaction/io.h"
#include "transaction/journal.h"

struct journal_file {
	int descriptor; /* read-only */
	int marks;      /* for writing marks; -1 until journal_file_open_marks() */
	const struct transaction_io *io;
	struct journal_header header;
	/*
	 * The marks when the journal was opened, and those that were set since: UNDOING and DONE
	 * when they are durable, APPLIED already when setting it begins, since it may be durable
	 * from then on.
	 */
	bool applied, undoing, done;
	bool validated;
	uint64_t image_modified; /* set with APPLIED; see journal.h */
	/* Of the walk through the records: */
	uint8_t *buffer;
	uint64_t position;  /* of the next record, bytes */
	uint64_t image_end; /* end of the last record that is not a guard record, bytes */
	bool in_guards;
	struct journal_trailer sums; /* of the records so far */
};

/*
 * Opens the journal at `path`.  Returns 0 also when there is none: then *file is NULL.  Errors:
 * BS_JOURNAL_DAMAGED, BS_NOT_TRUSTED when another user may have made it (trust.h),
 * BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int journal_file_open(const char *path, struct journal_file **file,
				 struct bs_error *err);
void journal_file_close(struct journal_file *file);

/* Is called with each record in order, which is valid during the call.  -1 ends the walk. */
typedef int journal_file_visit(void *context, const struct journal_record *record,
			       struct bs_error *err);

/*
 * Visits all records (`visit` may be NULL), then checks the trailer and the file's length.  Errors:
 * BS_JOURNAL_DAMAGED, BS_IO, and those of `visit`.
 */
MUST_CHECK int journal_file_each(struct journal_file *file, journal_file_visit *visit,
				 void *context, struct bs_error *err);

/*
 * Reads all records and so checks every checksum and hash, the order, the bounds and the counts.
 * Errors: BS_JOURNAL_DAMAGED, BS_IO.
 */
MUST_CHECK int journal_file_validate(struct journal_file *file, struct bs_error *err);

/*
 * Opens the journal for setting marks, before anything changes that the marks speak of.  `path` is
 * the path from which the journal was opened.  Afterwards marks can be set even if the journal
 * loses its name.  Errors: BS_UNDO_FILE_LOST when the path now leads to another file or to none;
 * BS_NO_PERMISSION, BS_READ_ONLY, BS_IO.
 */
MUST_CHECK int journal_file_open_marks(struct journal_file *file, const char *path,
				       const struct transaction_io *io, struct bs_error *err);

/*
 * Sets a mark and syncs it, after journal_file_open_marks().  `image_modified` as in journal.h.
 * After a mark that failed another one may be set: each mark is a block of its own, and a later
 * mark outweighs an earlier one whether the earlier one is durable or not.
 */
MUST_CHECK int journal_file_mark(struct journal_file *file, enum journal_mark mark,
				 uint64_t image_modified, struct bs_error *err);

/* Whether a mark is set in the file now.  True also when that cannot be read. */
bool journal_file_is_marked(struct journal_file *file, enum journal_mark mark);

#endif
