/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the records of a published journal in order, and sets the journal's marks.
 *
 * An open journal always has an intact header, so its marks can be read.  A walk through the
 * records checks the records, the trailer and the length of the file.  The caller calls
 * journal_file_validate(), which checks all of them, before the first write that relies on them.
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
	 * Whether the marks were set when the journal was opened, or later.  journal_file_mark()
	 * sets `undoing` and `done` when the mark is durable.  It sets `applied` before it writes
	 * the mark, because the mark may be durable from then on.
	 */
	bool applied, undoing, done;
	bool validated;
	uint64_t image_modified; /* set with APPLIED; see journal.h */
	/* The state of a walk through the records: */
	uint8_t *buffer;   /* JOURNAL_RECORD_MAX bytes */
	size_t used, read; /* the file's bytes from `position` on lie in the buffer between these */
	uint64_t position; /* offset of the next record, bytes */
	uint64_t image_end; /* end of the last record that is not a guard record, bytes */
	bool in_guards;
	struct journal_trailer sums; /* numbers of the records so far */
};

/*
 * Opens the journal at `path`.  If there is no journal, sets *file to NULL and returns 0.  Errors:
 * BS_JOURNAL_DAMAGED, BS_NOT_TRUSTED when another user may have made it (trust.h),
 * BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int journal_file_open(const char *path, struct journal_file **file,
				 struct bs_error *err);
void journal_file_close(struct journal_file *file);

/* Receives each record in order.  The record is valid during the call.  -1 ends the walk. */
typedef int journal_file_visit(void *context, const struct journal_record *record,
			       struct bs_error *err);

/*
 * Visits all records (`visit` may be NULL), then checks the trailer and the file's length.  Errors:
 * BS_JOURNAL_DAMAGED, BS_IO, and those of `visit`.
 */
MUST_CHECK int journal_file_each(struct journal_file *file, journal_file_visit *visit,
				 void *context, struct bs_error *err);

/*
 * Reads all records to check every checksum and hash, the order, the bounds and the counts.
 * Errors: BS_JOURNAL_DAMAGED, BS_IO.
 */
MUST_CHECK int journal_file_validate(struct journal_file *file, struct bs_error *err);

/*
 * Opens the journal for setting marks.  The caller does this before it changes the image.  `path`
 * is the path from which the journal was opened.  Afterwards marks can be set even if the journal
 * loses its name.  Errors: BS_UNDO_FILE_LOST if the path now leads to another file or to none;
 * BS_NO_PERMISSION, BS_READ_ONLY, BS_IO.
 */
MUST_CHECK int journal_file_open_marks(struct journal_file *file, const char *path,
				       const struct transaction_io *io, struct bs_error *err);

/*
 * Sets a mark and syncs it, after journal_file_open_marks().  journal.h explains `image_modified`.
 * If setting a mark failed, the caller may still set another one: each mark has its own block, and
 * a later mark outweighs an earlier mark, whether the earlier one is durable or not.
 */
MUST_CHECK int journal_file_mark(struct journal_file *file, enum journal_mark mark,
				 uint64_t image_modified, struct bs_error *err);

/* Reads from the file whether a mark is set.  Returns true also if the read fails. */
bool journal_file_is_marked(struct journal_file *file, enum journal_mark mark);

#endif
