/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a running commit, undo or recovery, and what must hold in each of them.
 *
 * A step begins when everything that it relies on is durable.  So a crash in any step leaves an
 * image that the next command understands (state.h).  "also": in addition to the line above.
 *
 *	step         what it changes                  what holds during the whole step
 *	preparing    the journal's temporary file     the image is untouched
 *	published    nothing                          also: the journal has its name
 *	reserving    signpost, space, length          the journal has its name
 *	writing      the image's bytes, to new ones   also: the signpost is up
 *	written      hint, signpost                   the image is new: synced, read back
 *	marking      the mark APPLIED                 also: the signpost is down
 *	applied      nothing                          also: APPLIED is set
 *
 *	interrupted  nothing                          the image is untouched by this command
 *	releasing    space, length                    the journal is proved and not APPLIED
 *	restoring    the image's bytes, to old ones   also: the signpost is up
 *	restored     hint, signpost                   the image is old: synced, read back
 *	discarding   the mark DONE, the journal       also: the signpost is down
 *
 * A commit goes from preparing to applied.  If a step fails, the commit takes its changes back.  It
 * goes on with discarding after preparing and published, with releasing after reserving, and with
 * restoring after later steps.  An undo starts in applied, a recovery in interrupted; both go
 * through restoring to discarding.  commit_check() asserts the third column.
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
	struct target *image;         /* open for writing; NULL: not open yet, or closed */
	struct journal_file *journal; /* open for marks; NULL while preparing */
	bool named;                   /* the journal was given its name, durably */
	bool read_back;               /* the image was read back from its storage, and matches */
	bool disturbed;               /* another process wrote to the image during a commit */
};

/* Asserts the facts that must hold in the present step. */
void commit_check(const struct transaction *transaction);

/*
 * Begins a step and asserts the facts that must hold in it.  If the step follows the present step,
 * the function first asserts the facts of the present step.  It does not if the step takes the
 * present step back.
 */
void commit_enter(struct transaction *transaction, enum commit_step step);

/* ---- taking back, in restore.c -------------------------------------------------------------- */

/*
 * Makes the image wholly old and durable, in the step releasing or restoring, then in restored.
 * The caller has validated the journal.  In a disturbed transaction, the function keeps sectors
 * that another process wrote, except past the old end, where it cuts the image.  Errors: BS_VERIFY
 * if the image does not read back as before the fix, and those of the target and the journal.
 */
MUST_CHECK int restore_image(struct transaction *transaction, struct bs_error *err);

/*
 * Marks the journal DONE and removes it, in the step discarding.  Either the mark or the removal is
 * enough.  The removal need not be durable: a journal that reappears after a crash is marked DONE,
 * or recovery restores bytes that the image has already.  If another file has taken the journal's
 * name, the function does not remove that file.
 */
MUST_CHECK int restore_discard_journal(struct transaction *transaction, struct bs_error *err);

#endif
