/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an image's journal and its signpost mean together; see commit.h for the states.
 *
 * The signpost is an attribute of a file with the path of a journal.  A transaction makes it
 * durable before it changes the first byte of the image, and makes its removal durable before it
 * marks the journal APPLIED or DONE.  So an image with a signpost may be half written:
 *
 *	signpost    own journal           what follows
 *	none        none                  nothing was interrupted
 *	none        damaged               refused: journal-damaged
 *	none        interrupted           the image is recovered
 *	none        applied               the fix can be undone
 *	none        done                  the image is old; the journal is removed
 *	own         none                  refused: recovery-required
 *	own         damaged, unreadable   refused: journal-damaged, recovery-required
 *	own         interrupted           the image is recovered
 *	own         applied, done         left over if the image proves it, otherwise refused
 *	other       interrupted           the image is recovered, or the other first; see below
 *	other       anything else         refused: recovery-required, with the other's path
 *
 * "Own" is the journal at the place where this command looks, and a signpost to that journal;
 * "other" is a signpost to any other journal.  "Refused": every command fails and writes nothing.
 *
 * - Left over: earlier versions marked the journal first and removed the signpost afterwards.  But
 *   the image may also be a copy with all attributes.  Somebody may have made the copy during the
 *   change, and moved it over the original later.  So a signpost counts as left over only if the
 *   image has the inode in the journal, and if every range of the journal has the bytes that belong
 *   to the mark.
 * - Other signpost, own journal interrupted: the image was renamed or copied together with its
 *   journal.  Recovery proves that the image fits its own journal before it writes.  If the other
 *   journal is interrupted too, and is not a copy of the own one, the image is refused: the other
 *   transaction has to be recovered first.
 * - Other signpost, own journal applied or done: the own journal does not count, because the image
 *   may be a copy of a half-written original.  The copy keeps its signpost when the original is
 *   recovered and fixed again.
 */
#ifndef BOOTSHIFT_TRANSACTION_STATE_H
#define BOOTSHIFT_TRANSACTION_STATE_H

#include "transaction/commit.h"

/* Returns the state in the marks and ignores the signpost.  `journal` may be NULL. */
enum transaction_state state_of(const struct journal_file *journal);

/*
 * Opens the journal of `place` and compares it with the signpost.  *journal is NULL if there is no
 * journal, and on error.  *left_over: the image's signpost is left over, see above.  Errors:
 * those of transaction_state(); BS_UNDO_FILE_OF_OTHER for a journal that was named, if the image for
 * which it was made lies beside it, or BS_UNDO_FILE_UNRELATED if this image is no copy of that one.
 * For an image in several files, any other file with the name of that image counts as that image.
 */
MUST_CHECK int state_open(const struct place *place, struct journal_file **journal, bool *left_over,
			  struct bs_error *err);

#endif
