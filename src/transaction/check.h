/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks against a journal whether an image is wholly new, can be taken back, or is wholly old.  No
 * check writes.  Each check reads and verifies all records of the journal, and opens the image
 * again to read its bytes from the storage.
 */
#ifndef BOOTSHIFT_TRANSACTION_CHECK_H
#define BOOTSHIFT_TRANSACTION_CHECK_H

#include "transaction/journal-file.h"
#include "transaction/target.h"
#include "util/range.h"

/*
 * Proves that every record's range, every guard zone and the length are as the fix left them.  If
 * the image differs, the error is `code`.
 */
MUST_CHECK int check_new(struct journal_file *journal, const struct target *image,
			 enum bs_code code, struct bs_error *err);

/* As check_new() with BS_VERIFY, but without the guard zones: a commit writes only in the ranges. */
MUST_CHECK int check_written(struct journal_file *journal, const struct target *image,
			     struct bs_error *err);

/* Sets *within to whether the fix wrote only in the ranges, which are merged.  Reads no image. */
MUST_CHECK int check_writes_within(struct journal_file *journal, const struct range_vector *ranges,
				   bool *within, struct bs_error *err);

/* Sets *any to whether at least one range that the fix wrote is as the fix left it. */
MUST_CHECK int check_any_new(struct journal_file *journal, const struct target *image, bool *any,
			     struct bs_error *err);

/*
 * Proves that an interrupted commit, undo or roll-back left the image in its present state, so that
 * a restore destroys nothing.  Such an image meets these conditions:
 * - Its length is the old or the new one: a commit sets the new length by one call before it writes
 *   the first byte, and a roll-back sets the old length by one call.
 * - Each sector of a record is as before or as after the fix, or torn between the two; sector.h
 *   defines a torn sector.  In a hole and past the old end, the bytes before are zeros.
 * - A piece of a guard zone outside of all records is unchanged: a commit never writes there.
 * Any other image was replaced, started or written to after the interruption.  The error is then
 * BS_CHANGED_SINCE.  (A checksum of 32 bits finds accidents, not forgeries: a user who can forge
 * sectors can write to the image anyway.)
 */
MUST_CHECK int check_can_be_taken_back(struct journal_file *journal, const struct target *image,
				       struct bs_error *err);

/*
 * Proves that every range has the bytes before the fix, and that the length is the old one.  If
 * not, the error is BS_VERIFY.  `ours_only`: the check ignores sectors that another process wrote.
 */
MUST_CHECK int check_old(struct journal_file *journal, const struct target *image, bool ours_only,
			 struct bs_error *err);

#endif
