/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking back what a journal says: the recovery of an interrupted transaction and the undo of an
 * applied one.
 *
 * Both prove the whole journal and look at the whole image before they write anything.  Both keep
 * the journal open, so that they come to their end also when it loses its name on the way.
 */
#include <errno.h>
#include <sys/stat.h>

#include "transaction/check.h"
#include "transaction/restore.h"
#include "transaction/state.h"
#include "util/clock.h"
#include "util/trust.h"

/* ---- recovery ------------------------------------------------------------------------------- */

/* A journal that has only its temporary name was never used: the image was not changed. */
static int remove_temporary(const struct place *place, const struct transaction_io *io,
			    struct bs_error *err)
{
	struct stat stat;

	if (lstat(place->temporary, &stat) < 0 && errno == ENOENT)
		return 0;
	if (trust_check_name("unfinished undo file", place->temporary, err) < 0)
		return -1;
	if (io->unlink(place->temporary) < 0 && errno != ENOENT)
		return fail_system(err, "cannot remove %s", place->temporary);
	return 0;
}

static int remove_done(const struct place *place, const struct transaction_io *io,
		       struct bs_error *err)
{
	if (io->unlink(place->journal) < 0)
		return fail_system(err, "cannot remove %s", place->journal);
	return transaction_sync_folder(io, place->folder, err);
}

static int remove_left_over(const struct place *place, const struct transaction_io *io,
			    struct bs_error *err)
{
	struct target *image = target_reopen(place->target, TARGET_WRITE, io, err);
	int result = image ? target_remove_signpost(image, err) : -1;

	target_close(image);
	return result;
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
	if (journal_file_open_marks(journal, place->journal, io, err) == 0 &&
	    restore_image(place, image, journal, RESTORE_ALL, err) == 0)
		result = restore_discard_journal(place, journal, io, err);
	target_close(image);
	return result;
}

/* Whatever stood in the way, the image may still be neither old nor new. */
static int still_interrupted(struct bs_error *err)
{
	if (err->code == BS_CHANGED_SINCE)
		return fail_prefix(err, "what was interrupted could not be taken back (if the "
					"image was restored from a copy since, move its undo file "
					"away)");
	if (err->code != BS_JOURNAL_DAMAGED)
		err->code = BS_RECOVERY_REQUIRED;
	return fail_prefix(err, "what was interrupted could not be taken back");
}

int transaction_recover(const struct place *place, const struct transaction_io *io, bool *recovered,
			struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result = -1;

	if (!io)
		io = &transaction_real_io;
	*recovered = false;
	if (state_open(place, &journal, &left_over, err) < 0)
		return -1;
	if (remove_temporary(place, io, err) < 0)
		goto out;
	if (state_of(journal) == TRANSACTION_INTERRUPTED) {
		result = recover_interrupted(place, journal, io, err);
		if (result < 0)
			still_interrupted(err);
		*recovered = result == 0;
		goto out;
	}
	/* The signpost first: without a journal it would mean that something was interrupted. */
	if (left_over && remove_left_over(place, io, err) < 0)
		goto out;
	if (state_of(journal) == TRANSACTION_DONE) {
		if (remove_done(place, io, err) < 0)
			goto out;
		*recovered = true; /* but for the journal's removal it was taken back already */
	}
	result = 0;
out:
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

/* After an error it depends on what reached the storage whether the undo has begun. */
static int mark_undoing(struct journal_file *journal, const struct transaction_io *io,
			struct bs_error *err)
{
	if (journal_file_mark(journal, JOURNAL_UNDOING, 0, io, err) == 0)
		return 0;
	if (journal_file_is_marked(journal, JOURNAL_UNDOING))
		err->code = BS_RECOVERY_REQUIRED;
	return -1;
}

/* The fix is finished, so what is damaged stands in the way of nothing but its undo. */
static int validate_applied(struct journal_file *journal, struct bs_error *err)
{
	if (journal_file_validate(journal, err) == 0)
		return 0;
	if (err->code == BS_JOURNAL_DAMAGED)
		err->code = BS_UNDO_FILE_DAMAGED;
	return -1;
}

/*
 * Sets *outcome to what an undo makes of the image, or fails when it would destroy something.  An
 * image that was not written to since the fix has the time of its last write.
 */
static int foresee(struct journal_file *journal, const struct target *image,
		   enum undo_outcome *outcome, struct bs_error *err)
{
	struct bs_error ignored;

	if (check_new(journal, image, BS_CHANGED_SINCE, err) == 0) {
		bool untouched =
			journal->image_modified != 0 &&
			journal->image_modified == clock_nanoseconds(&image->status.modified);

		*outcome = untouched ? UNDO_EXACT : UNDO_OF_THE_FIX;
		return 0;
	}
	if (err->code != BS_CHANGED_SINCE || check_old(journal, image, false, &ignored) < 0)
		return -1;
	*outcome = UNDO_NOT_NEEDED;
	return 0;
}

/* The journal is proved, and it is settled that the image may be written. */
static int take_back(const struct place *place, struct target *image, struct journal_file *journal,
		     const struct transaction_io *io, enum undo_outcome *outcome,
		     struct bs_error *err)
{
	enum restore_scope scope = *outcome == UNDO_OF_OURS ? RESTORE_OURS : RESTORE_ALL;

	if (mark_undoing(journal, io, err) < 0)
		return -1;
	if (restore_image(place, image, journal, scope, err) < 0 ||
	    restore_discard_journal(place, journal, io, err) < 0)
		return still_interrupted(err);
	if (*outcome == UNDO_EXACT && target_is_disturbed(image))
		*outcome = UNDO_OF_THE_FIX;
	return 0;
}

static int undo_applied(const struct place *place, struct journal_file *journal, bool just_made,
			const struct transaction_io *io, enum undo_outcome *outcome,
			struct bs_error *err)
{
	struct target *image = target_reopen(place->target, TARGET_WRITE, io, err);
	int result = -1;

	if (!image)
		return -1;
	if (validate_applied(journal, err) < 0)
		goto out;
	if (foresee(journal, image, outcome, err) < 0) {
		if (!just_made || err->code != BS_CHANGED_SINCE)
			goto out;
		*outcome = UNDO_OF_OURS;
	}
	result = *outcome == UNDO_NOT_NEEDED ? 0
					     : take_back(place, image, journal, io, outcome, err);
out:
	target_close(image);
	return result;
}

int transaction_undo(const struct place *place, const struct transaction_io *io,
		     enum undo_outcome *outcome, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result = -1;

	if (!io)
		io = &transaction_real_io;
	if (state_open(place, &journal, &left_over, err) < 0)
		return -1;
	if (check_applied(journal, err) == 0 &&
	    journal_file_open_marks(journal, place->journal, io, err) == 0)
		result = undo_applied(place, journal, false, io, outcome, err);
	journal_file_close(journal);
	return result;
}

int transaction_undo_commit(const struct place *place, const struct commit_result *committed,
			    const struct transaction_io *io, enum undo_outcome *outcome,
			    struct bs_error *err)
{
	return undo_applied(place, committed->journal, true, io ? io : &transaction_real_io,
			    outcome, err);
}
