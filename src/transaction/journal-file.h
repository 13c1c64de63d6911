/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A published journal as a file: opened, its records read one after the other, its marks set.
 *
 * What always holds: what has been opened has an intact header, so its marks can be told.  The
 * rest proves itself as it is read, the trailer and the length of the file behind the last record;
 * journal_file_validate() proves all of it at once and comes before the first write of anything
 * that goes by the journal.
 */
#ifndef BOOTSHIFT_JOURNAL_FILE_H
#define BOOTSHIFT_JOURNAL_FILE_H

#include "transaction/io.h"
#include "transaction/journal.h"

struct journal_file {
	int descriptor; /* read-only */
	int marks;      /* for writing marks; -1 until journal_file_open_marks() */
	struct journal_header header;
	bool applied, undoing, done; /* the marks when it was opened */
	uint64_t image_modified;     /* set with APPLIED; see journal.h */
	/* of journal_file_next(): */
	uint8_t *buffer;
	uint64_t position; /* of the next record, bytes */
	uint64_t index;    /* of the next record */
	uint64_t
		image_end; /* of the last record of the image: the next one begins there or later */
	bool in_guards;
	uint32_t records_checksum;
	uint64_t data_bytes;
};

/*
 * Opens the journal at `path`.  Returns 0 also when there is none: then *file is NULL.  Errors:
 * BS_JOURNAL_DAMAGED, BS_NOT_TRUSTED when somebody else may have made it (trust.h),
 * BS_NO_PERMISSION, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int journal_file_open(const char *path, struct journal_file **file,
				 struct bs_error *err);
void journal_file_close(struct journal_file *file);

/* Goes back to the first record. */
void journal_file_rewind(struct journal_file *file);

/*
 * Reads the next record; it is valid until the next call.  *present is false after the last one,
 * which also proves the trailer and the file's length.  Errors: BS_JOURNAL_DAMAGED, BS_IO.
 */
MUST_CHECK int journal_file_next(struct journal_file *file, struct journal_record *record,
				 bool *present, struct bs_error *err);

/* Reads all records, so proves every checksum and hash, the order, the bounds and the counts. */
MUST_CHECK int journal_file_validate(struct journal_file *file, struct bs_error *err);

/*
 * Opens the journal for setting marks, before anything is changed that they speak of.  `path` is
 * where it was opened.  From then on its marks can be set whatever becomes of its name.  Errors:
 * BS_UNDO_FILE_LOST when the path leads to another file by now, or to none; BS_NO_PERMISSION,
 * BS_READ_ONLY, BS_IO.
 */
MUST_CHECK int journal_file_open_marks(struct journal_file *file, const char *path,
				       const struct transaction_io *io, struct bs_error *err);

/* Whether `path` still leads to this journal: it may have been removed, moved or replaced. */
bool journal_file_has_name(const struct journal_file *file, const char *path);

/*
 * Sets a mark and syncs it, after journal_file_open_marks().  `image_modified` as in journal.h.
 * After a mark that failed another one may be set: each is a block of its own, and a later mark
 * outweighs an earlier one whether that is durable or not.
 */
MUST_CHECK int journal_file_mark(const struct journal_file *file, enum journal_mark mark,
				 uint64_t image_modified, const struct transaction_io *io,
				 struct bs_error *err);

/* Whether a mark is set now; true also when that cannot be read. */
bool journal_file_is_marked(struct journal_file *file, enum journal_mark mark);

#endif
