/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes an image what its journal says it was; see restore.h. */
#include "transaction/restore.h"

#include "transaction/check.h"
#include "util/bytes.h"

static int restore_hole(const struct journal_range *range, uint64_t old_length,
			struct target *image, struct bs_error *err)
{
	static const uint8_t zeros[JOURNAL_BLOCK_SIZE];
	uint64_t end = range->offset + range->length;
	uint64_t punch_end = end;
	bool punched;

	/* The last block of the file goes too when the file ends inside of it. */
	if (end == old_length)
		punch_end =
			(end + JOURNAL_BLOCK_SIZE - 1) / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
	if (target_punch(image, range->offset, punch_end - range->offset, &punched, err) < 0)
		return -1;
	if (punched)
		return 0;
	for (uint64_t at = range->offset; at < end; at += sizeof(zeros))
		if (target_write(image, at, zeros, (size_t)min_u64(sizeof(zeros), end - at), err) <
		    0)
			return -1;
	return 0;
}

/*
 * Data is written even where the same bytes can be read: after a failed sync the cache may hold
 * bytes that the storage does not.
 */
static int restore_records(struct journal_file *journal, struct target *image, bool bytes_written,
			   struct bs_error *err)
{
	struct journal_record record;
	bool present;

	journal_file_rewind(journal);
	for (;;) { /* ends with the header's count of records */
		const struct journal_range *range = &record.range;

		if (journal_file_next(journal, &record, &present, err) < 0)
			return -1;
		if (!present)
			return 0;
		if (range->kind == JOURNAL_HOLE &&
		    restore_hole(range, journal->header.old_length, image, err) < 0)
			return -1;
		if (range->kind == JOURNAL_DATA && bytes_written &&
		    target_write(image, range->offset, record.before, (size_t)range->length, err) <
			    0)
			return -1;
	}
}

int restore_image(struct target *image, struct journal_file *journal, bool bytes_written,
		  struct bs_error *err)
{
	const struct journal_header *header = &journal->header;

	/*
	 * The length first: cutting also gives back space that was reserved past the end, which is
	 * why it is set even when it is the old one already.
	 */
	if (header->new_length != header->old_length &&
	    target_set_length(image, header->old_length, err) < 0)
		return -1;
	if (restore_records(journal, image, bytes_written, err) < 0 || target_sync(image, err) < 0)
		return -1;
	return check_old(journal, image, err);
}

int restore_discard_journal(const struct place *place, uint32_t identity,
			    const struct transaction_io *io, struct bs_error *err)
{
	struct bs_error ignored;
	int marked = journal_file_mark(place->journal, JOURNAL_DONE, identity, 0, io, err);

	if (io->unlink(place->journal) == 0)
		(void)!transaction_sync_folder(io, place->folder, &ignored);
	else if (marked < 0)
		return -1;
	return 0;
}
