/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a journal, and a signpost to one, say about an image, and taking back what it says: the
 * recovery of an interrupted transaction and the undo of an applied one.
 *
 * Both prove the whole journal and look at the whole image before they write anything.
 */
#include "transaction/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transaction/check.h"
#include "transaction/restore.h"
#include "util/clock.h"
#include "util/trust.h"

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

static int look_at_journal(const char *path, enum transaction_state *state, struct bs_error *err)
{
	struct journal_file *journal;

	if (journal_file_open(path, &journal, err) < 0)
		return -1;
	*state = state_of(journal);
	journal_file_close(journal);
	return 0;
}

/* A signpost may come from anybody: nothing is opened that does not have a journal's name. */
static bool is_journal_name(const char *path)
{
	size_t length = strlen(path), suffix = strlen(BS_UNDO_SUFFIX);

	return path[0] == '/' && length > suffix &&
	       strcmp(path + length - suffix, BS_UNDO_SUFFIX) == 0;
}

/*
 * Fails when the signpost leads to an interrupted journal that is not the one of `place`, or to one
 * of which that cannot be told.  *left_over: there is one that leads to nothing of the kind.
 */
static int check_signpost(const struct place *place, bool *left_over, struct bs_error *err)
{
	enum transaction_state state = TRANSACTION_NONE;
	char *journal;
	int result = 0;

	if (target_read_signpost(place->target, &journal, err) < 0)
		return -1;
	*left_over = journal != NULL;
	if (!journal)
		return 0;
	if (is_journal_name(journal) && strcmp(journal, place->journal) != 0 &&
	    look_at_journal(journal, &state, err) < 0 && err->code != BS_NOT_FOUND)
		result = fail_prefix(err, "%.200s", journal);
	else if (state == TRANSACTION_INTERRUPTED)
		result = fail(err, BS_RECOVERY_REQUIRED,
			      "a fix or an undo was interrupted that had another --undo-dir or "
			      "another name of the image: its undo file is %s",
			      journal);
	free(journal);
	return result;
}

int transaction_state(const struct place *place, enum transaction_state *state,
		      struct bs_error *err)
{
	bool left_over;

	if (look_at_journal(place->journal, state, err) < 0)
		return -1;
	return *state == TRANSACTION_INTERRUPTED ? 0 : check_signpost(place, &left_over, err);
}

/* ---- recovery ------------------------------------------------------------------------------- */

/* A journal without its name was never acted on: the image was not touched. */
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

/* It does no harm, so whatever stands in the way of removing it does not count. */
static void remove_left_over(const struct place *place, const struct transaction_io *io)
{
	struct bs_error ignored;
	struct target *image = target_reopen(place->target, TARGET_WRITE, io, &ignored);

	if (image)
		target_remove_signpost(image);
	target_close(image);
}

/* What was interrupted elsewhere is not for this call; what was left over by a crash goes. */
static int settle_signpost(const struct place *place, const struct transaction_io *io,
			   struct bs_error *err)
{
	bool left_over;

	if (check_signpost(place, &left_over, err) < 0)
		return -1;
	if (left_over)
		remove_left_over(place, io);
	return 0;
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
	if (result == 0)
		target_remove_signpost(image);
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
		result = settle_signpost(place, io, err);
		break;
	case TRANSACTION_DONE:
		result = remove_done(place, io, err);
		if (result == 0)
			result = settle_signpost(place, io, err);
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

	if (journal_file_mark(place->journal, JOURNAL_UNDOING, identity, 0, io, err) == 0)
		return 0;
	if (look_at_journal(place->journal, &state, &ignored) < 0 || state != TRANSACTION_APPLIED)
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
	if (err->code != BS_CHANGED_SINCE || check_old(journal, image, &ignored) < 0)
		return -1;
	*outcome = UNDO_NOT_NEEDED;
	return 0;
}

static int undo_applied(const struct place *place, struct journal_file *journal,
			const struct transaction_io *io, enum undo_outcome *outcome,
			struct bs_error *err)
{
	uint32_t identity = journal->header.identity;
	struct target *image = target_reopen(place->target, TARGET_WRITE, io, err);
	int result = -1;

	if (!image)
		return -1;
	if (validate_applied(journal, err) < 0 || foresee(journal, image, outcome, err) < 0)
		goto out;
	if (*outcome == UNDO_NOT_NEEDED) {
		result = 0;
		goto out;
	}
	if (target_set_signpost(image, place->journal, err) < 0 ||
	    mark_undoing(place, identity, io, err) < 0)
		goto out;
	if (restore_image(image, journal, true, err) < 0 ||
	    restore_discard_journal(place, identity, io, err) < 0) {
		result = still_interrupted(err);
		goto out;
	}
	target_remove_signpost(image);
	result = 0;
out:
	target_close(image);
	return result;
}

int transaction_undo(const struct place *place, const struct transaction_io *io,
		     enum undo_outcome *outcome, struct bs_error *err)
{
	struct journal_file *journal = NULL;
	int result = -1;

	if (!io)
		io = &transaction_real_io;
	if (journal_file_open(place->journal, &journal, err) < 0)
		return -1;
	if (check_applied(journal, err) == 0)
		result = undo_applied(place, journal, io, outcome, err);
	journal_file_close(journal);
	return result;
}
