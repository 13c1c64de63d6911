/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes an image what its journal says it was; see restore.h. */
#include "transaction/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "transaction/check.h"
#include "util/bytes.h"

#define WHAT "the image"

int restore_open_image(const struct place *place, const struct transaction_io *io,
		       struct stat *stat, struct bs_error *err)
{
	int descriptor = -1;

	if (lstat(place->image, stat) < 0)
		return fail_errno(err, transaction_code(errno), "cannot find the image");
	if (!S_ISREG(stat->st_mode))
		return fail(err, BS_NOT_AN_IMAGE, "the image is not a regular file");
	if ((stat->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0)
		return fail(err, BS_READ_ONLY, "the image is read-only");
	descriptor = io->open(place->image, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (descriptor < 0)
		return fail_errno(err, transaction_code(errno),
				  "cannot open the image for writing");
	if (fstat(descriptor, stat) < 0) {
		close(descriptor);
		return fail_errno(err, BS_IO, "cannot look at the image");
	}
	return descriptor;
}

static int restore_hole(const struct journal_range *range, uint64_t old_length, int descriptor,
			const struct transaction_io *io, struct bs_error *err)
{
	static const uint8_t zeros[JOURNAL_BLOCK_SIZE];
	uint64_t end = range->offset + range->length;
	uint64_t punch_end = end;

	/* The last block of the file goes too when the file ends inside of it. */
	if (end == old_length)
		punch_end =
			(end + JOURNAL_BLOCK_SIZE - 1) / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
	if (io->fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)range->offset, (off_t)(punch_end - range->offset)) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return fail_errno(err, transaction_code(errno), "cannot punch a hole into " WHAT);
	for (uint64_t at = range->offset; at < end; at += sizeof(zeros))
		if (transaction_write(io, descriptor, at, zeros,
				      (size_t)min_u64(sizeof(zeros), end - at), WHAT, err) < 0)
			return -1;
	return 0;
}

/*
 * Data is written even where the same bytes can be read: after a failed sync the cache may hold
 * bytes that the storage does not.
 */
static int restore_records(struct journal_file *journal, int descriptor, bool bytes_written,
			   const struct transaction_io *io, struct bs_error *err)
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
		    restore_hole(range, journal->header.old_length, descriptor, io, err) < 0)
			return -1;
		if (range->kind == JOURNAL_DATA && bytes_written &&
		    transaction_write(io, descriptor, range->offset, record.before,
				      (size_t)range->length, WHAT, err) < 0)
			return -1;
	}
}

int restore_image(const struct place *place, struct journal_file *journal, int descriptor,
		  bool bytes_written, const struct transaction_io *io, struct bs_error *err)
{
	const struct journal_header *header = &journal->header;

	/*
	 * The length first: cutting also gives back space that was reserved past the end, which is
	 * why it is set even when it is the old one already.
	 */
	if (header->new_length != header->old_length &&
	    io->ftruncate(descriptor, (off_t)header->old_length) < 0)
		return fail_errno(err, transaction_code(errno), "cannot set the image's length");
	if (restore_records(journal, descriptor, bytes_written, io, err) < 0 ||
	    transaction_sync(io, descriptor, WHAT, err) < 0)
		return -1;
	return check_old(journal, place->image, err);
}

int restore_discard_journal(const struct place *place, uint32_t identity,
			    const struct transaction_io *io, struct bs_error *err)
{
	struct bs_error ignored;
	int marked = journal_file_mark(place->journal, JOURNAL_DONE, identity, io, err);

	if (io->unlink(place->journal) == 0)
		(void)!transaction_sync_folder(io, place->folder, &ignored);
	else if (marked < 0)
		return -1;
	return 0;
}
