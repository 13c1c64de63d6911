/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a running commit, undo or recovery, and what must hold in each of them.
 *
 * A step begins when everything that it relies on is durable.  So a crash in any step leaves an
 * image that the next command understands (state.h).
 *
 *	step         what it changes                  what holds from its beginning to its end
 *	preparing    the journal's temporary file     the image is untouched
 *	published    nothing                          also: the journal has its name
 *	reserving    signpost, space, length          the journal has its name
 *	writing      the image's bytes, to new ones   also: the signpost is up
 *	written      signpost                         the image is new: synced, read back
 *	marking      the mark APPLIED                 also: the signpost is down
 *	applied      nothing                          also: APPLIED is set
 *
 *	interrupted  nothing                          the image is untouched by this command
 *	releasing    space, length                    the journal is proved and not APPLIED
 *	restoring    the image's bytes, to old ones   also: the signpost is up
 *	restored     signpost                         the image is old: synced, read back
 *	discarding   the mark DONE, the journal       also: the signpost is down
 *
 * A commit goes from preparing to applied.  If one of its steps fails, it takes back what it has
 * changed: up to published by discarding, in reserving by releasing, later by restoring.  An
 * undo goes from applied, and a recovery from interrupted, through restoring to discarding.
 * commit_check() asserts the third column.
 */
#ifndef BOOTSHIFT_TRANSACTION_COMMIT_STEPS_H
#define BOOTSHIFT_TRANSACTION_COMMIT_STEPS_H

#include "transaction/journal-file.h"
#include "transaction/place.h"

enum commit_step {
	COMMIT_PREPARING,
	COMMIT_PUBLISHED,
	COMMIT_RESERVING,
	COMMIT_WRITING,
	COMMIT_WRITTEN,
	COMMIT_MARKING,
	COMMIT_APPLIED,
	COMMIT_INTERRUPTED,
	COMMIT_RELEASING,
	COMMIT_RESTORING,
	COMMIT_RESTORED,
	COMMIT_DISCARDING,
};

/* A running commit, undo or recovery. */
struct transaction {
	const struct place *place;
	enum commit_step step;
	struct target *image;         /* open for writing; NULL: not yet, or not any more */
	struct journal_file *journal; /* open for marks; NULL while preparing */
	bool named;                   /* the journal has had its name, durably */
	bool read_back;               /* the image's bytes were read from its storage, and match */
	bool disturbed;               /* another process wrote to the image during a commit */
};

/* Asserts what must hold in the present step. */
void commit_check(const struct transaction *transaction);

/*
 * Begins a step and checks what must hold in it.  If it follows the present step, rather than
 * taking that back, the end of the present step is checked, too.
 */
void commit_enter(struct transaction *transaction, enum commit_step step);

/* ---- taking back, in restore.c -------------------------------------------------------------- */

/*
 * Makes the image wholly old and durable, in the steps releasing or restoring, and restored.  The
 * journal has been validated.  In a disturbed transaction, the sectors that another process wrote
 * are left alone, except past the old end, which is cut off.  Errors: BS_VERIFY when the image
 * does not read back as before, and those of the target and the journal.
 */
MUST_CHECK int restore_image(struct transaction *transaction, struct bs_error *err);

/*
 * Marks the journal DONE and removes it, in the step discarding.  One of the two is enough, and the
 * removal need not be durable: a journal that reappears after a crash is DONE, or restores the
 * bytes that are there already.  Another file with the journal's name is left alone.
 */
MUST_CHECK int restore_discard_journal(struct transaction *transaction, struct bs_error *err);

#endif
