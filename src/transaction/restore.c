/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes an image what its journal says it was; see restore.h. */
#include "transaction/restore.h"

#include <stdlib.h>

#include "transaction/check.h"
#include "transaction/sector.h"
#include "util/bytes.h"

struct restore {
	struct target *image;
	struct journal_file *journal;
	enum restore_scope scope;
	uint8_t *now; /* of RESTORE_OURS: the image's bytes, room for one range */
};

static int write_zeros(struct target *image, uint64_t at, uint64_t end, struct bs_error *err)
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
	uint64_t end = range->offset + range->length;
	uint64_t punch_end = end;
	bool punched;

	/* The last block of the file goes too when the file ends inside of it. */
	if (end == restore->journal->header.old_length)
		punch_end =
			(end + JOURNAL_BLOCK_SIZE - 1) / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
	if (target_punch(restore->image, range->offset, punch_end - range->offset, &punched, err) <
	    0)
		return -1;
	return punched ? 0 : write_zeros(restore->image, range->offset, end, err);
}

/* `number` is that of a sector in the record's range, which has been read. */
static bool is_foreign(const struct restore *restore, const struct journal_record *record,
		       size_t number)
{
	struct journal_range sector = sector_of(&record->range, number);
	const uint8_t *now = restore->now + (sector.offset - record->range.offset);

	return sector_is_foreign(sector_look(record, &sector, now));
}

/* Reads the range as it is now; *foreign: somebody else has written to it. */
static int look_for_foreign(const struct restore *restore, const struct journal_record *record,
			    bool *foreign, struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	*foreign = false;
	if (disk_read(restore->image->disk, range->offset, restore->now, (size_t)range->length,
		      err) < 0)
		return -1;
	for (size_t i = 0; i < sector_count(range) && !*foreign; i++)
		*foreign = is_foreign(restore, record, i);
	return 0;
}

/* Sector by sector, but for those of somebody else. */
static int restore_ours(const struct restore *restore, const struct journal_record *record,
			struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	for (size_t i = 0; i < sector_count(range); i++) {
		struct journal_range sector = sector_of(range, i);

		if (!is_foreign(restore, record, i) &&
		    target_write(restore->image, sector.offset, sector_before(record, &sector),
				 (size_t)sector.length, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Data is written even where the same bytes can be read: after a failed sync the cache may hold
 * bytes that the storage does not.
 */
static int restore_record(const struct restore *restore, const struct journal_record *record,
			  struct bs_error *err)
{
	const struct journal_range *range = &record->range;
	bool foreign;

	if (range->kind != JOURNAL_DATA && range->kind != JOURNAL_HOLE)
		return 0;
	if (restore->scope == RESTORE_OURS) {
		if (look_for_foreign(restore, record, &foreign, err) < 0)
			return -1;
		if (foreign)
			return restore_ours(restore, record, err);
	}
	if (range->kind == JOURNAL_HOLE)
		return restore_hole(restore, range, err);
	if (restore->scope == RESTORE_SPACE)
		return 0;
	return target_write(restore->image, range->offset, record->before, (size_t)range->length,
			    err);
}

static int restore_records(const struct restore *restore, struct bs_error *err)
{
	struct journal_record record;
	bool present;

	journal_file_rewind(restore->journal);
	for (;;) { /* ends with the header's count of records */
		if (journal_file_next(restore->journal, &record, &present, err) < 0)
			return -1;
		if (!present)
			return 0;
		if (restore_record(restore, &record, err) < 0)
			return -1;
	}
}

static int restore_bytes(const struct restore *restore, struct bs_error *err)
{
	const struct journal_header *header = &restore->journal->header;

	/*
	 * The length first: cutting also gives back space that was reserved past the end, which is
	 * why it is set even when it is the old one already.
	 */
	if (header->new_length != header->old_length &&
	    target_set_length(restore->image, header->old_length, err) < 0)
		return -1;
	if (restore_records(restore, err) < 0 || target_sync(restore->image, err) < 0)
		return -1;
	return check_old(restore->journal, restore->image, restore->scope == RESTORE_OURS, err);
}

int restore_image(const struct place *place, struct target *image, struct journal_file *journal,
		  enum restore_scope scope, struct bs_error *err)
{
	struct restore restore = {.image = image, .journal = journal, .scope = scope};
	int result = -1;

	restore.now = malloc(JOURNAL_RANGE_MAX);
	if (!restore.now) {
		fail_memory(err);
		goto out;
	}
	/* Where no byte was written the signpost is up, or it could not be put up. */
	if (scope != RESTORE_SPACE && target_set_signpost(image, place->journal, err) < 0)
		goto out;
	if (restore_bytes(&restore, err) < 0 || target_remove_signpost(image, err) < 0)
		goto out;
	result = 0;
out:
	free(restore.now);
	return result;
}

int restore_discard_journal(const struct place *place, const struct journal_file *journal,
			    const struct transaction_io *io, struct bs_error *err)
{
	struct bs_error ignored;
	int marked = journal_file_mark(journal, JOURNAL_DONE, 0, io, err);

	if (!journal_file_has_name(journal, place->journal))
		return 0; /* no command finds it any more */
	if (io->unlink(place->journal) == 0)
		(void)!transaction_sync_folder(io, place->folder, &ignored);
	else if (marked < 0)
		return -1;
	return 0;
}
