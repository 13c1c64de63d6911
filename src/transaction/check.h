/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares an image with a journal: whether the image is wholly new, may be taken back, or is
 * wholly old.  Nothing here writes.  Each check reads all records, which proves them, and opens the
 * image again to read it from its storage.
 */
#ifndef BOOTSHIFT_TRANSACTION_CHECK_H
#define BOOTSHIFT_TRANSACTION_CHECK_H

#include "transaction/journal-file.h"
#include "transaction/target.h"

/*
 * Proves that every record's range, every guard zone and the length are as the fix left them.  If
 * the image differs, the error is `code`: BS_VERIFY after a commit, BS_CHANGED_SINCE before an
 * undo.
 */
MUST_CHECK int check_new(struct journal_file *journal, const struct target *image,
			 enum bs_code code, struct bs_error *err);

/*
 * Proves that nothing but an interrupted commit, undo or roll-back can have left the image as it
 * is, so that taking it back destroys nothing.  What such an image can be:
 * - Its length is the old or the new one: it is set by one call before the first byte is written,
 *   and set back by one.
 * - Each sector of a record is as before or as after the fix, or torn between the two; sector.h
 *   says how that is told.  Of a hole, and past the old end, the bytes before are zeros.
 * - A piece of a guard zone outside of all records was never written: it is as it was.
 * Anything else means that the file was replaced, or that somebody started the image or wrote to
 * it after the interruption: BS_CHANGED_SINCE.  (A checksum of 32 bits finds accidents, not
 * forgeries: a user who can forge sectors can write to the image anyway.)
 */
MUST_CHECK int check_can_be_taken_back(struct journal_file *journal, const struct target *image,
				       struct bs_error *err);

/*
 * Proves that every range reads as before and that the length is the old one, otherwise BS_VERIFY.
 * `ours_only`: sectors that are neither as before nor as after the fix are not compared.
 */
MUST_CHECK int check_old(struct journal_file *journal, const struct target *image, bool ours_only,
			 struct bs_error *err);

#endif
