/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a journal says about an image, and taking back what it says: the recovery of an interrupted
 * transaction and the undo of an applied one.
 *
 * Both prove the whole journal and look at the whole image before they write anything.
 */
#include "transaction/commit.h"

#include <errno.h>
#include <sys/stat.h>

#include "transaction/check.h"
#include "transaction/restore.h"

/* `journal` may be NULL.  DONE outweighs UNDOING, and that outweighs APPLIED: they come in turn. */
static enum transaction_state state_of(const struct journal_file *journal)
{
	if (!journal)
		return TRANSACTION_NONE;
	if (journal->done)
		return TRANSACTION_DONE;
	if (journal->applied && !journal->undoing)
		return TRANSACTION_APPLIED;
	return TRANSACTION_INTERRUPTED;
}

int transaction_state(const struct place *place, enum transaction_state *state,
		      struct bs_error *err)
{
	struct journal_file *journal;

	if (journal_file_open(place->journal, &journal, err) < 0)
		return -1;
	*state = state_of(journal);
	journal_file_close(journal);
	return 0;
}

/* ---- recovery ------------------------------------------------------------------------------- */

/* A journal without its name was never acted on: the image was not touched. */
static int remove_temporary(const struct place *place, const struct transaction_io *io,
			    struct bs_error *err)
{
	struct stat stat;

	if (lstat(place->temporary, &stat) < 0 && errno == ENOENT)
		return 0;
	if (io->unlink(place->temporary) < 0 && errno != ENOENT)
		return fail_errno(err, transaction_code(errno), "cannot remove %s",
				  place->temporary);
	return 0;
}

static int remove_done(const struct place *place, const struct transaction_io *io,
		       struct bs_error *err)
{
	if (io->unlink(place->journal) < 0)
		return fail_errno(err, transaction_code(errno), "cannot remove %s", place->journal);
	return transaction_sync_folder(io, place->folder, err);
}

static int recover_interrupted(const struct place *place, struct journal_file *journal,
			       const struct transaction_io *io, struct bs_error *err)
{
	struct target *image = NULL;
	int result = -1;

	if (journal_file_validate(journal, err) < 0 ||
	    check_can_be_taken_back(journal, place->target, err) < 0)
		return -1;
	image = target_reopen(place->target, TARGET_WRITE, io, err);
	if (!image)
		return -1;
	if (restore_image(image, journal, true, err) == 0)
		result = restore_discard_journal(place, journal->header.identity, io, err);
	target_close(image);
	return result;
}

/* Whatever stood in the way, the image may still be neither old nor new. */
static int still_interrupted(struct bs_error *err)
{
	if (err->code != BS_JOURNAL_DAMAGED && err->code != BS_CHANGED_SINCE)
		err->code = BS_RECOVERY_REQUIRED;
	return fail_prefix(err, "what was interrupted could not be taken back");
}

int transaction_recover(const struct place *place, const struct transaction_io *io, bool *recovered,
			struct bs_error *err)
{
	struct journal_file *journal = NULL;
	int result = -1;

	if (!io)
		io = &transaction_real_io;
	*recovered = false;
	if (remove_temporary(place, io, err) < 0 ||
	    journal_file_open(place->journal, &journal, err) < 0)
		return -1;
	switch (state_of(journal)) {
	case TRANSACTION_NONE:
	case TRANSACTION_APPLIED:
		result = 0;
		break;
	case TRANSACTION_DONE:
		result = remove_done(place, io, err);
		break;
	case TRANSACTION_INTERRUPTED:
		result = recover_interrupted(place, journal, io, err);
		if (result < 0)
			result = still_interrupted(err);
		*recovered = result == 0;
		break;
	}
	journal_file_close(journal);
	return result;
}

/* ---- undo ----------------------------------------------------------------------------------- */

static int check_applied(const struct journal_file *journal, struct bs_error *err)
{
	switch (state_of(journal)) {
	case TRANSACTION_APPLIED:
		return 0;
	case TRANSACTION_INTERRUPTED:
		return fail(err, BS_RECOVERY_REQUIRED, "an earlier fix or undo was interrupted");
	case TRANSACTION_NONE:
	case TRANSACTION_DONE:
		break;
	}
	return fail(err, BS_NO_UNDO_FILE, "there is no undo file");
}

/* Where the mark fails, the journal tells whether the undo has begun. */
static int mark_undoing(const struct place *place, uint32_t identity,
			const struct transaction_io *io, struct bs_error *err)
{
	enum transaction_state state;
	struct bs_error ignored;

	if (journal_file_mark(place->journal, JOURNAL_UNDOING, identity, io, err) == 0)
		return 0;
	if (transaction_state(place, &state, &ignored) < 0 || state != TRANSACTION_APPLIED)
		err->code = BS_RECOVERY_REQUIRED;
	return -1;
}

static int undo_applied(const struct place *place, struct journal_file *journal,
			const struct transaction_io *io, struct bs_error *err)
{
	uint32_t identity = journal->header.identity;
	struct target *image = target_reopen(place->target, TARGET_WRITE, io, err);
	int result = -1;

	if (!image)
		return -1;
	if (journal_file_validate(journal, err) < 0 ||
	    check_new(journal, place->target, BS_CHANGED_SINCE, err) < 0 ||
	    mark_undoing(place, identity, io, err) < 0)
		goto out;
	if (restore_image(image, journal, true, err) < 0 ||
	    restore_discard_journal(place, identity, io, err) < 0) {
		result = still_interrupted(err);
		goto out;
	}
	result = 0;
out:
	target_close(image);
	return result;
}

int transaction_undo(const struct place *place, const struct transaction_io *io,
		     struct bs_error *err)
{
	struct journal_file *journal = NULL;
	int result = -1;

	if (!io)
		io = &transaction_real_io;
	if (journal_file_open(place->journal, &journal, err) < 0)
		return -1;
	if (check_applied(journal, err) == 0)
		result = undo_applied(place, journal, io, err);
	journal_file_close(journal);
	return result;
}
