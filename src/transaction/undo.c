/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recovery of an interrupted transaction, the undo of an applied one, and the end of its undo.
 *
 * The first two prove the whole journal and look at the whole image before they write anything.
 * They keep the journal open, so that they can finish even if the journal loses its name meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/file.h"
#include "transaction/check.h"
#include "transaction/commit-steps.h"
#include "transaction/ends.h"
#include "transaction/hint.h"
#include "transaction/publish.h"
#include "transaction/state.h"
#include "transaction/undo-search.h"
#include "util/clock.h"

/* ---- recovery ------------------------------------------------------------------------------- */

static int undo_remove_done(const struct place *place, struct bs_error *err)
{
	if (place->target->io->unlink(place->journal) < 0)
		return fail_system(err, "cannot remove %s", place->journal);
	return transaction_sync_folder(place->target->io, place->folder, err);
}

static int undo_remove_signpost(const struct place *place, struct bs_error *err)
{
	struct target *image = target_reopen(place->target, TARGET_WRITE, err);
	int result = image ? target_remove_signpost(image, err) : -1;

	target_close(image);
	return result;
}

static int undo_recover(const struct place *place, struct journal_file *journal,
			struct bs_error *err)
{
	struct transaction transaction = {
		.place = place, .journal = journal, .named = true, .step = COMMIT_INTERRUPTED};
	int result = -1;

	if (journal_file_validate(journal, err) < 0 ||
	    check_can_be_taken_back(journal, place->target, err) < 0)
		return -1;
	transaction.image = target_reopen(place->target, TARGET_WRITE, err);
	if (!transaction.image ||
	    journal_file_open_marks(journal, place->journal, place->target->io, err) < 0)
		goto out;
	commit_check(&transaction);
	if (restore_image(&transaction, err) == 0)
		result = restore_discard_journal(&transaction, err);
out:
	target_close(transaction.image);
	return result;
}

/* Whatever the error is, the image may still be neither old nor new. */
static int undo_fail_interrupted(struct bs_error *err)
{
	if (err->code == BS_CHANGED_SINCE)
		return fail_prefix(err, "the interrupted change could not be taken back (if the "
					"image was restored from a copy since, move its undo file "
					"away)");
	if (err->code != BS_JOURNAL_DAMAGED)
		err->code = BS_RECOVERY_REQUIRED;
	return fail_prefix(err, "the interrupted change could not be taken back");
}

int transaction_recover(const struct place *place, bool *recovered, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result = -1;

	*recovered = false;
	if (state_open(place, &journal, &left_over, err) < 0)
		return -1;
	if (publish_remove_temporary(place, err) < 0)
		goto out;
	if (state_of(journal) == TRANSACTION_INTERRUPTED) {
		result = undo_recover(place, journal, err);
		if (result < 0)
			undo_fail_interrupted(err);
		*recovered = result == 0;
		goto out;
	}
	/* The signpost first: without a journal it would mean that something was interrupted. */
	if (left_over && undo_remove_signpost(place, err) < 0)
		goto out;
	if (state_of(journal) == TRANSACTION_DONE) {
		if (undo_remove_done(place, err) < 0)
			goto out;
		*recovered = true;
	}
	result = 0;
out:
	journal_file_close(journal);
	return result;
}

/* ---- undo ----------------------------------------------------------------------------------- */

/* The message has the path that was looked for, and where the undo file may be instead. */
static int undo_fail_none(const struct place *place, struct bs_error *err)
{
	struct undo_search search;

	undo_search(place->target, place->folder, &search);
	if (search.found && search.found == search.hint)
		fail(err, BS_NO_UNDO_FILE,
		     "there is no undo file %.200s; the image itself names the undo file "
		     "%.200s",
		     place->journal, search.found);
	else if (search.found)
		fail(err, BS_NO_UNDO_FILE,
		     "there is no undo file %.200s; %.200s may be the undo file of the image",
		     place->journal, search.found);
	else if (search.hint && strcmp(search.hint, place->journal) != 0)
		fail(err, BS_NO_UNDO_FILE,
		     "there is no undo file %.200s, nor the undo file that the image names, %.200s",
		     place->journal, search.hint);
	else if (search.hint)
		fail(err, BS_NO_UNDO_FILE, "there is no undo file %.300s", place->journal);
	else
		fail(err, BS_NO_UNDO_FILE,
		     "there is no undo file %.300s; the image was never fixed, or its fix was "
		     "accepted or undone",
		     place->journal);
	undo_search_free(&search);
	return -1;
}

static int undo_check_applied(const struct place *place, const struct journal_file *journal,
			      struct bs_error *err)
{
	enum transaction_state state = state_of(journal);

	if (state == TRANSACTION_APPLIED)
		return 0;
	if (state == TRANSACTION_INTERRUPTED)
		return fail(err, BS_RECOVERY_REQUIRED, "an earlier fix or undo was interrupted");
	return undo_fail_none(place, err);
}

/* Opens the journal of a fixed image.  The caller closes it.  *left_over as of state_open(). */
static int undo_open_journal(const struct place *place, struct journal_file **journal,
			     bool *left_over, struct bs_error *err)
{
	if (state_open(place, journal, left_over, err) < 0)
		return -1;
	if (undo_check_applied(place, *journal, err) == 0)
		return 0;
	journal_file_close(*journal);
	return -1;
}

/* After an error the undo has begun if the mark reached the storage. */
static int undo_mark(struct journal_file *journal, struct bs_error *err)
{
	if (journal_file_mark(journal, JOURNAL_UNDOING, 0, err) == 0)
		return 0;
	if (journal_file_is_marked(journal, JOURNAL_UNDOING))
		err->code = BS_RECOVERY_REQUIRED;
	return -1;
}

/*
 * Sets *outcome to the outcome that an undo will have, or fails if the undo would destroy
 * something.  An image that was not written to since the fix has the time of the fix's last write.
 */
static int undo_foresee(const struct transaction *transaction, enum undo_outcome *outcome,
			struct bs_error *err)
{
	struct journal_file *journal = transaction->journal;
	const struct target *image = transaction->image;
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

/* The journal is proved, and the image may be written. */
static int undo_take_back(struct transaction *transaction, enum undo_outcome *outcome,
			  struct bs_error *err)
{
	commit_check(transaction);
	if (undo_mark(transaction->journal, err) < 0)
		return -1;
	if (restore_image(transaction, err) < 0 || restore_discard_journal(transaction, err) < 0)
		return undo_fail_interrupted(err);
	if (*outcome == UNDO_EXACT && target_is_disturbed(transaction->image))
		*outcome = UNDO_OF_THE_FIX;
	return 0;
}

/* Proves the journal.  If it is damaged, the fix is finished all the same. */
static int undo_prove(struct journal_file *journal, struct bs_error *err)
{
	if (journal_file_validate(journal, err) == 0)
		return 0;
	if (err->code == BS_JOURNAL_DAMAGED)
		err->code = BS_UNDO_FILE_DAMAGED;
	return -1;
}

static int undo_applied(const struct place *place, struct journal_file *journal,
			enum undo_outcome *outcome, struct bs_error *err)
{
	struct transaction transaction = {
		.place = place, .journal = journal, .named = true, .step = COMMIT_APPLIED};
	int result = -1;

	transaction.image = target_reopen(place->target, TARGET_WRITE, err);
	if (!transaction.image)
		goto out;
	if (undo_prove(journal, err) < 0 || undo_foresee(&transaction, outcome, err) < 0)
		goto out;
	result = *outcome == UNDO_NOT_NEEDED ? 0 : undo_take_back(&transaction, outcome, err);
out:
	target_close(transaction.image);
	return result;
}

int transaction_undo(const struct place *place, enum undo_outcome *outcome, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result = -1;

	if (undo_open_journal(place, &journal, &left_over, err) < 0)
		return -1;
	if (journal_file_open_marks(journal, place->journal, place->target->io, err) == 0)
		result = undo_applied(place, journal, outcome, err);
	journal_file_close(journal);
	return result;
}

int transaction_foresee_undo(const struct place *place, enum undo_outcome *outcome,
			     struct bs_error *err)
{
	struct transaction transaction = {.place = place};
	bool left_over;
	int result = -1;

	if (undo_open_journal(place, &transaction.journal, &left_over, err) < 0)
		return -1;
	transaction.image = target_reopen(place->target, TARGET_READ, err);
	if (transaction.image && undo_prove(transaction.journal, err) == 0)
		result = undo_foresee(&transaction, outcome, err);
	target_close(transaction.image);
	journal_file_close(transaction.journal);
	return result;
}

/* ---- what an undo file has to do with an image ----------------------------------------------- */

int transaction_fits(const struct place *place, bool *fits, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result;

	if (undo_open_journal(place, &journal, &left_over, err) < 0)
		return -1;
	result = check_any_new(journal, place->target, fits, err);
	journal_file_close(journal);
	return result;
}

/* Whether the image has all that the fix wrote. */
static int undo_compare_written(const struct place *place, struct journal_file *journal,
				bool *intact, struct bs_error *err)
{
	*intact = check_written(journal, place->target, err) == 0;
	return *intact || err->code == BS_VERIFY ? 0 : -1;
}

int transaction_look_at_writes(const struct place *place, const struct range_vector *ranges,
			       bool *within, bool *intact, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result;

	*within = *intact = false;
	if (undo_open_journal(place, &journal, &left_over, err) < 0)
		return -1;
	result = check_writes_within(journal, ranges, within, err);
	if (result == 0 && *within)
		result = undo_compare_written(place, journal, intact, err);
	journal_file_close(journal);
	return result;
}

/*
 * Walks through the records of an undo file whose fix is complete, and lists what the fix added at
 * the ends of files, unless `growths` is NULL.
 */
static int undo_walk(const struct place *place, journal_file_visit *visit, void *context,
		     struct range_vector *growths, struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result;

	if (undo_open_journal(place, &journal, &left_over, err) < 0)
		return -1;
	result = journal_file_each(journal, visit, context, err);
	if (result == 0 && growths)
		result = ends_read(journal, growths, err);
	journal_file_close(journal);
	return result;
}

static int undo_list_record(void *context, const struct journal_record *record,
			    struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	if (range->kind == JOURNAL_GUARD)
		return 0;
	return range_vector_append(context, (struct range){range->offset, range->length}, err);
}

int transaction_list_writes(const struct place *place, struct range_vector *ranges,
			    struct bs_error *err)
{
	int result = undo_walk(place, undo_list_record, ranges, NULL, err);

	range_vector_merge(ranges);
	return result;
}

/* A range that lay beyond the old end vanishes with the new one. */
static int undo_show_record(void *context, const struct journal_record *record,
			    struct bs_error *err)
{
	static const uint8_t zeros[JOURNAL_BLOCK_SIZE];
	struct disk *view = overlay_disk(context);
	const struct journal_range *range = &record->range;

	if (range->kind == JOURNAL_DATA)
		return disk_write(view, range->offset, record->before, (size_t)range->length, err);
	for (uint64_t done = 0; range->kind == JOURNAL_HOLE && done < range->length;
	     done += sizeof(zeros))
		if (disk_write(view, range->offset + done, zeros,
			       (size_t)min_u64(sizeof(zeros), range->length - done), err) < 0)
			return -1;
	return 0;
}

int transaction_show_before(const struct place *place, struct overlay *view,
			    struct range_vector *growths, struct bs_error *err)
{
	*growths = (struct range_vector){0};
	if (undo_walk(place, undo_show_record, view, growths, err) < 0)
		return -1;
	return growths->count == 0 || place->target->parts.count > 0
		       ? 0
		       : overlay_resize(view, growths->items[0].offset, err);
}

/* ---- the end of an undo ---------------------------------------------------------------------- */

/* The bytes that the file system gets back.  A journal with a second name was not opened (trust.h). */
static uint64_t undo_room(const struct journal_file *journal)
{
	struct stat status;

	if (fstat(journal->descriptor, &status) < 0)
		return 0;
	return (uint64_t)status.st_blocks * 512; /* the unit of st_blocks, see stat(2) */
}

static int undo_check_name(const struct place *place, const struct journal_file *journal,
			   struct bs_error *err)
{
	if (file_has_name(journal->descriptor, place->journal))
		return 0;
	if (errno != 0)
		return fail_system(err, "cannot look at %s", place->journal);
	return fail(err, BS_UNDO_FILE_LOST, "another program has moved or replaced %.300s",
		    place->journal);
}

/*
 * Removes what leads to the journal, and the journal last.  As long as the journal is there, the fix
 * can be undone: nothing depends on the hint, and without a journal a signpost would mean that the
 * image is half written.
 */
static int undo_give_up(const struct place *place, const struct journal_file *journal,
			bool left_over, struct bs_error *err)
{
	struct target *image = target_reopen(place->target, TARGET_WRITE, err);
	int result = -1;

	if (!image)
		return -1;
	if (undo_check_name(place, journal, err) < 0 ||
	    (left_over && target_remove_signpost(image, err) < 0))
		goto out;
	hint_remove(image);
	if (image->kind == TARGET_FILE && target_sync(image, err) < 0)
		goto out;
	result = undo_remove_done(place, err);
out:
	target_close(image);
	return result;
}

int transaction_accept(const struct place *place, bool rehearse, uint64_t *room,
		       struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;
	int result = -1;

	*room = 0;
	if (undo_open_journal(place, &journal, &left_over, err) < 0)
		return -1;
	if (undo_prove(journal, err) == 0) {
		*room = undo_room(journal);
		result = rehearse ? 0 : undo_give_up(place, journal, left_over, err);
	}
	journal_file_close(journal);
	return result;
}
