/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three checks of an image against a journal; see check.h. */
#include "transaction/check.h"

#include <stdlib.h>
#include <string.h>

#include "transaction/sector.h"
#include "util/bytes.h"

#define NEITHER "neither as before nor as after the interrupted fix"

/* What a check goes on: the image, and the ranges of the records read so far, sorted. */
struct check {
	struct journal_file *journal;
	struct target *image;
	uint8_t *bytes;    /* of the image, room for one range */
	enum bs_code code; /* of a difference */
	bool ours_only;    /* what somebody else wrote is no difference */
	struct journal_range *ranges;
	size_t range_count;
};

typedef int record_check(struct check *check, const struct journal_record *record,
			 struct bs_error *err);

static int differs(const struct check *check, uint64_t offset, const char *how,
		   struct bs_error *err)
{
	return fail(err, check->code, "the image's bytes at %llu are %s",
		    (unsigned long long)offset, how);
}

static int check_each_record(struct check *check, record_check *check_record, struct bs_error *err)
{
	struct journal_record record;
	bool present;

	journal_file_rewind(check->journal);
	for (;;) { /* ends with the header's count of records */
		if (journal_file_next(check->journal, &record, &present, err) < 0)
			return -1;
		if (!present)
			return 0;
		if (check_record(check, &record, err) < 0)
			return -1;
	}
}

static int check_length(const struct check *check, uint64_t one, uint64_t other,
			struct bs_error *err)
{
	uint64_t length = check->image->status.length;

	if (length != one && length != other)
		return fail(err, check->code, "the image has %llu bytes and should have %llu",
			    (unsigned long long)length, (unsigned long long)one);
	return 0;
}

static int check_open(struct check *check, const struct target *image, struct bs_error *err)
{
	check->bytes = malloc(JOURNAL_RANGE_MAX);
	if (!check->bytes) {
		fail_memory(err);
		return -1;
	}
	check->image = target_reopen(image, TARGET_REREAD, NULL, err);
	return check->image ? 0 : -1;
}

static void check_close(struct check *check)
{
	target_close(check->image);
	free(check->bytes);
	free(check->ranges);
}

/* Reads a part of the image into check->bytes. */
static int read_image(struct check *check, uint64_t offset, uint64_t length, struct bs_error *err)
{
	return disk_read(check->image->disk, offset, check->bytes, (size_t)length, err);
}

/* ---- wholly new ----------------------------------------------------------------------------- */

static int record_is_new(struct check *check, const struct journal_record *record,
			 struct bs_error *err)
{
	uint8_t hash[JOURNAL_HASH_SIZE];

	if (read_image(check, record->range.offset, record->range.length, err) < 0)
		return -1;
	journal_hash(check->bytes, (size_t)record->range.length, hash);
	if (memcmp(hash, record->hash_after, sizeof(hash)) != 0)
		return differs(check, record->range.offset, "not as the fix left them", err);
	return 0;
}

int check_new(struct journal_file *journal, const struct target *image, enum bs_code code,
	      struct bs_error *err)
{
	struct check check = {.journal = journal, .code = code};
	uint64_t length = journal->header.new_length;
	int result = -1;

	if (check_open(&check, image, err) < 0 || check_length(&check, length, length, err) < 0 ||
	    check_each_record(&check, record_is_new, err) < 0)
		goto out;
	result = 0;
out:
	check_close(&check);
	return result;
}

/* ---- wholly old ----------------------------------------------------------------------------- */

/* Sectors of somebody else are left alone; of ours, every one must be as before. */
static bool ours_is_old(const struct check *check, const struct journal_record *record)
{
	const struct journal_range *range = &record->range;

	for (size_t i = 0; i < sector_count(range); i++) {
		struct journal_range sector = sector_of(range, i);
		enum sector_state state = sector_look(
			record, &sector, check->bytes + (sector.offset - range->offset));

		if (state != SECTOR_BEFORE && !sector_is_foreign(state))
			return false;
	}
	return true;
}

static bool is_old(const struct check *check, const struct journal_record *record)
{
	size_t length = (size_t)record->range.length;

	if (check->ours_only)
		return ours_is_old(check, record);
	return record->before ? memcmp(check->bytes, record->before, length) == 0
			      : all_zero(check->bytes, length);
}

static int record_is_old(struct check *check, const struct journal_record *record,
			 struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	if (range->kind != JOURNAL_DATA && range->kind != JOURNAL_HOLE)
		return 0; /* past the end, or never written */
	if (read_image(check, range->offset, range->length, err) < 0)
		return -1;
	if (!is_old(check, record))
		return differs(check, range->offset, "not as before the fix", err);
	return 0;
}

int check_old(struct journal_file *journal, const struct target *image, bool ours_only,
	      struct bs_error *err)
{
	struct check check = {.journal = journal, .code = BS_VERIFY, .ours_only = ours_only};
	uint64_t length = journal->header.old_length;
	int result = -1;

	if (check_open(&check, image, err) < 0 || check_length(&check, length, length, err) < 0 ||
	    check_each_record(&check, record_is_old, err) < 0)
		goto out;
	result = 0;
out:
	check_close(&check);
	return result;
}

/* ---- somewhere between ---------------------------------------------------------------------- */

/* Is any byte of the piece in a record of the image?  Those are sorted and do not overlap. */
static bool in_a_record(const struct check *check, const struct journal_range *piece)
{
	size_t low = 0, high = check->range_count;

	while (low < high) { /* ends: the distance halves */
		size_t middle = low + (high - low) / 2;
		const struct journal_range *range = &check->ranges[middle];

		if (range->offset + range->length <= piece->offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < check->range_count &&
	       check->ranges[low].offset < piece->offset + piece->length;
}

/* A guard zone, but for what lies in a record of the image, was never written. */
static int guard_is_possible(struct check *check, const struct journal_record *record,
			     uint64_t present, struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	for (size_t i = 0; i < journal_piece_count(range, record->piece_size); i++) {
		struct journal_range piece = journal_piece(range, record->piece_size, i);
		uint64_t start = piece.offset - range->offset;

		if (start + piece.length > present) /* the image grew in the fix */
			break;
		if (!journal_piece_is_after(record, i, check->bytes + start) &&
		    !in_a_record(check, &piece))
			return differs(check, piece.offset, NEITHER, err);
	}
	return 0;
}

static int sectors_are_possible(struct check *check, const struct journal_record *record,
				uint64_t present, struct bs_error *err)
{
	const struct journal_range *range = &record->range;

	for (size_t i = 0; i < sector_count(range); i++) {
		struct journal_range sector = sector_of(range, i);
		uint64_t start = sector.offset - range->offset;

		if (start + sector.length > present) /* past the end of an image that is short */
			break;
		if (sector_look(record, &sector, check->bytes + start) == SECTOR_FOREIGN)
			return differs(check, sector.offset, NEITHER, err);
	}
	return 0;
}

static int record_is_possible(struct check *check, const struct journal_record *record,
			      struct bs_error *err)
{
	uint64_t length = check->image->status.length;
	const struct journal_range *range = &record->range;
	uint64_t present; /* how much of the range lies within the image as it is now */

	if (range->kind != JOURNAL_GUARD)
		check->ranges[check->range_count++] = *range;
	if (range->offset >= length)
		return 0;
	present = min_u64(range->length, length - range->offset);
	if (read_image(check, range->offset, present, err) < 0)
		return -1;
	return range->kind == JOURNAL_GUARD ? guard_is_possible(check, record, present, err)
					    : sectors_are_possible(check, record, present, err);
}

int check_can_be_taken_back(struct journal_file *journal, const struct target *image,
			    struct bs_error *err)
{
	struct check check = {.journal = journal, .code = BS_CHANGED_SINCE};
	int result = -1;

	/* The header proved that the count is not more than the journal has blocks. */
	check.ranges = calloc((size_t)journal->header.record_count + 1, sizeof(*check.ranges));
	if (!check.ranges) {
		fail_memory(err);
		goto out;
	}
	if (check_open(&check, image, err) < 0 ||
	    check_length(&check, journal->header.old_length, journal->header.new_length, err) < 0 ||
	    check_each_record(&check, record_is_possible, err) < 0)
		goto out;
	result = 0;
out:
	check_close(&check);
	return result;
}
