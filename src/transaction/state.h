/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an image's journal and its signpost say together; see commit.h for the states.
 *
 * The signpost is an attribute of a file with the path of a journal.  Whoever writes to the image
 * makes it durable before the first byte changes.  Its removal is durable before the journal says
 * APPLIED or DONE.  So an image with a signpost may be half written, whatever else is found:
 *
 *	signpost    own journal           what follows
 *	none        none                  nothing was interrupted
 *	none        damaged               refused: journal-damaged
 *	none        interrupted           it is recovered
 *	none        applied               a fix that can be undone
 *	none        done                  the image is old; the journal is removed
 *	own         none                  refused: recovery-required
 *	own         damaged, unreadable   refused: journal-damaged, recovery-required
 *	own         interrupted           it is recovered
 *	own         applied, done         a left-over if the image proves it, else refused
 *	another's   interrupted           it is recovered; but see below
 *	another's   anything else         refused: recovery-required, with the other's path
 *
 * The own journal lies at the place where this command looks; another's journal is any other one to
 * which the signpost leads.  "Refused" holds for every command, and nothing is written then.
 *
 * - A left-over: earlier versions marked the journal first and removed the signpost after.  But an
 *   image may also be a copy, with its attributes, that was made while the original was being
 *   changed, and that was moved over the original later.  So a left-over is believed only of the
 *   file that the journal names (by its inode), and only when every range of the journal reads as
 *   the mark says.
 * - Another's, own interrupted: the image was renamed or copied together with its journal.  The
 *   recovery proves that the image fits its own journal before it writes.  If the other journal is
 *   interrupted too, and is no copy of the own one, that has to be recovered first: refused.
 * - Another's journal that is finished does not count: a copy of a half-written image keeps its
 *   signpost when the original is recovered and fixed again.
 */
#ifndef BOOTSHIFT_TRANSACTION_STATE_H
#define BOOTSHIFT_TRANSACTION_STATE_H

#include "transaction/commit.h"

/* Of the marks alone; `journal` may be NULL. */
enum transaction_state state_of(const struct journal_file *journal);

/*
 * Opens the journal of `place`, *journal NULL when there is none, and holds it against the
 * signpost.  *left_over: the image carries a signpost that means nothing any more.  Errors: those
 * of transaction_state(); then *journal is NULL.
 */
MUST_CHECK int state_open(const struct place *place, struct journal_file **journal, bool *left_over,
			  struct bs_error *err);

#endif
