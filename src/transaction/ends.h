/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the files of an image end before and after a fix.  A growth is the range of the image that
 * the fix adds at the end of one file: an image in one file has one growth, or none.  A fix makes no
 * file shorter.
 */
#ifndef BOOTSHIFT_TRANSACTION_ENDS_H
#define BOOTSHIFT_TRANSACTION_ENDS_H

#include "transaction/journal-file.h"
#include "transaction/target.h"
#include "util/range.h"

enum ends {
	ENDS_OLD,
	ENDS_NEW,
	ENDS_EITHER,   /* each file ends at its old or its new end */
	ENDS_ANYWHERE, /* it does not matter; only for ends_check() */
};

/*
 * Lists the growths of a journal, sorted.  The caller frees *growths, also on error.  Errors: those
 * of journal_file_each(), BS_NO_MEMORY.
 */
MUST_CHECK int ends_read(struct journal_file *journal, struct range_vector *growths,
			 struct bs_error *err);

/*
 * Checks that the files end so.  `image` was opened just now.  If they do not, or if the image
 * cannot be that of the journal, the error is `code`.
 */
MUST_CHECK int ends_check(const struct target *image, const struct journal_header *header,
			  const struct range_vector *growths, enum ends ends, enum bs_code code,
			  struct bs_error *err);

/*
 * Makes each file that grows end at its old or at its new end, by one call for each file.  Errors:
 * those of target_set_end().
 */
MUST_CHECK int ends_set(struct target *image, const struct range_vector *growths, enum ends ends,
			struct bs_error *err);

#endif
