/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes an image what its journal says it was; see commit-steps.h. */
#include <errno.h>
#include <stdlib.h>

#include "disk/file.h"
#include "transaction/check.h"
#include "transaction/commit-steps.h"
#include "transaction/ends.h"
#include "transaction/hint.h"
#include "transaction/sector.h"
#include "util/bytes.h"
#include "util/memory.h"

struct restore {
	const struct transaction *transaction;
	uint8_t *now;      /* the image's present bytes, if it is disturbed; room for one range */
	uint64_t together; /* bytes of the records that count as one change so far */
};

static int restore_zeros(struct target *image, uint64_t at, uint64_t end, struct bs_error *err)
{
	static const uint8_t zeros[JOURNAL_BLOCK_SIZE];

	for (; at < end; at += sizeof(zeros))
		if (target_write(image, at, zeros, (size_t)min_u64(sizeof(zeros), end - at), err) <
		    0)
			return -1;
	return 0;
}

static int restore_hole(const struct restore *restore, const struct journal_range *range,
			struct bs_error *err)
{
	struct target *image = restore->transaction->image;
	uint64_t end = range->offset + range->length;
	uint64_t punch_end = end;
	bool punched;

	/* If the file ends inside of its last block, the whole block is punched. */
	if (end == target_file_at(image, range->offset).end)
		punch_end = journal_block_end(end);
	if (target_punch(image, range->offset, punch_end - range->offset, &punched, err) < 0)
		return -1;
	return punched ? 0 : restore_zeros(image, range->offset, end, err);
}

/*
 * Restores a range sector by sector, except for the sectors that another process wrote.  If there
 * are none of these, *foreign is false, and nothing is done.
 */
static int restore_around_foreign(const struct restore *restore,
				  const struct journal_record *record, bool *foreign,
				  struct bs_error *err)
{
	const struct journal_range *range = &record->range;
	size_t count = sector_count(range);
	bool is_foreign[JOURNAL_RANGE_MAX / JOURNAL_SECTOR_SIZE + 1];

	*foreign = false;
	if (disk_read(restore->transaction->image->disk, range->offset, restore->now,
		      (size_t)range->length, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct journal_range sector = sector_of(range, i);
		enum sector_state state = sector_look(
			record, &sector, restore->now + (sector.offset - range->offset));

		is_foreign[i] = sector_is_foreign(state);
		*foreign |= is_foreign[i];
	}
	for (size_t i = 0; i < count && *foreign; i++) {
		struct journal_range sector = sector_of(range, i);

		if (!is_foreign[i] &&
		    target_write(restore->transaction->image, sector.offset,
				 sector_before(record, &sector), (size_t)sector.length, err) < 0)
			return -1;
	}
	return 0;
}

/* Records of up to JOURNAL_RANGE_MAX bytes in all count as one change of the image. */
static void restore_begin_record(struct restore *restore, uint64_t length)
{
	struct target *image = restore->transaction->image;

	restore->together += length;
	if (restore->together <= JOURNAL_RANGE_MAX)
		return;
	target_end_changes(image);
	target_begin_changes(image);
	restore->together = length;
}

/*
 * Data is written even where the same bytes can be read: after a failed sync the cache may hold
 * bytes that the storage does not.
 */
static int restore_record(void *context, const struct journal_record *record, struct bs_error *err)
{
	struct restore *restore = context;
	const struct journal_range *range = &record->range;
	bool foreign;

	if (range->kind != JOURNAL_DATA && range->kind != JOURNAL_HOLE)
		return 0;
	restore_begin_record(restore, range->length);
	if (restore->transaction->disturbed) {
		if (restore_around_foreign(restore, record, &foreign, err) < 0)
			return -1;
		if (foreign)
			return 0;
	}
	if (range->kind == JOURNAL_HOLE)
		return restore_hole(restore, range, err);
	if (restore->transaction->step == COMMIT_RELEASING)
		return 0;
	return target_write(restore->transaction->image, range->offset, record->before,
			    (size_t)range->length, err);
}

static int restore_records(struct restore *restore, struct bs_error *err)
{
	struct target *image = restore->transaction->image;
	int result;

	target_begin_changes(image);
	result = journal_file_each(restore->transaction->journal, restore_record, restore, err);
	target_end_changes(image);
	return result;
}

/*
 * The ends are set even if they are the old ones already: cutting also gives back space that was
 * reserved past the end.
 */
static int restore_ends(const struct transaction *transaction, struct bs_error *err)
{
	struct range_vector growths;
	int result = ends_read(transaction->journal, &growths, err);

	if (result == 0)
		result = ends_set(transaction->image, &growths, ENDS_OLD, err);
	range_vector_free(&growths);
	return result;
}

static int restore_bytes(struct restore *restore, struct bs_error *err)
{
	const struct transaction *transaction = restore->transaction;

	if (restore_ends(transaction, err) < 0 || restore_records(restore, err) < 0 ||
	    target_sync(transaction->image, err) < 0)
		return -1;
	return check_old(transaction->journal, transaction->image, transaction->disturbed, err);
}

int restore_image(struct transaction *transaction, struct bs_error *err)
{
	struct restore restore = {.transaction = transaction};
	/* Nothing but space and length has changed, as far as is known. */
	bool releasing = transaction->step == COMMIT_RESERVING && !transaction->disturbed;
	int result = -1;

	restore.now = memory_large(JOURNAL_RANGE_MAX);
	if (!restore.now)
		return fail_memory(err);
	if (!releasing &&
	    target_set_signpost(transaction->image, transaction->place->journal, err) < 0)
		goto out;
	transaction->read_back = false;
	commit_enter(transaction, releasing ? COMMIT_RELEASING : COMMIT_RESTORING);
	if (restore_bytes(&restore, err) < 0)
		goto out;
	transaction->read_back = true;
	commit_enter(transaction, COMMIT_RESTORED);
	hint_remove(transaction->image);
	result = target_remove_signpost(transaction->image, err);
out:
	free(restore.now);
	return result;
}

int restore_discard_journal(struct transaction *transaction, struct bs_error *err)
{
	const struct place *place = transaction->place;
	const struct transaction_io *io = place->target->io;
	struct bs_error ignored;
	int marked;
	bool removed;

	commit_enter(transaction, COMMIT_DISCARDING);
	marked = journal_file_mark(transaction->journal, JOURNAL_DONE, 0, err);
	if (!file_has_name(transaction->journal->descriptor, place->journal))
		return errno != 0 ? marked : 0; /* 0: no command finds the journal any more */
	removed = io->unlink(place->journal) == 0 &&
		  transaction_sync_folder(io, place->folder, &ignored) == 0;
	return removed ? 0 : marked;
}
