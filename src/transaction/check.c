/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three checks of an image against a journal; see check.h. */
#include "transaction/check.h"

#include <stdlib.h>
#include <string.h>

#include "transaction/ends.h"
#include "transaction/sector.h"
#include "util/bytes.h"
#include "util/memory.h"
#include "util/range.h"

struct check {
	enum bs_code code; /* the error if the image differs */
	bool ours_only;    /* see check_old() */
	struct target *image;
	bool any_new;                /* a range was found to be as the fix left it */
	uint8_t *bytes;              /* of the image, room for one range */
	struct range_vector records; /* the ranges read so far, without guard zones; sorted */
};

static int check_differs(const struct check *check, uint64_t offset, const char *how,
			 struct bs_error *err)
{
	return fail(err, check->code, "the image's bytes at %llu are %s",
		    (unsigned long long)offset, how);
}

/* Opens the image for rereading, and checks where its files end and each record. */
static int check_run(struct check *check, struct journal_file *journal, const struct target *image,
		     enum ends ends, journal_file_visit *visit, struct bs_error *err)
{
	struct range_vector growths = {0};
	int result = -1;

	check->bytes = memory_large(JOURNAL_RANGE_MAX);
	if (!check->bytes)
		return fail_memory(err);
	check->image = target_reopen(image, TARGET_REREAD, err);
	if (check->image && ends_read(journal, &growths, err) == 0 &&
	    ends_check(check->image, &journal->header, &growths, ends, check->code, err) == 0)
		result = journal_file_each(journal, visit, check, err);
	range_vector_free(&growths);
	target_close(check->image);
	range_vector_free(&check->records);
	free(check->bytes);
	return result;
}

/* Reads a part of the image into check->bytes. */
static int check_read(const struct check *check, uint64_t offset, uint64_t length,
		      struct bs_error *err)
{
	return disk_read(check->image->disk, offset, check->bytes, (size_t)length, err);
}

/* ---- wholly new ----------------------------------------------------------------------------- */

static int check_look(const struct check *check, const struct journal_record *record, bool *is_new,
		      struct bs_error *err)
{
	uint8_t hash[JOURNAL_HASH_SIZE];

	if (check_read(check, record->range.offset, record->range.length, err) < 0)
		return -1;
	journal_hash(check->bytes, (size_t)record->range.length, hash);
	*is_new = memcmp(hash, record->hash_after, sizeof(hash)) == 0;
	return 0;
}

static int check_record_is_new(void *context, const struct journal_record *record,
			       struct bs_error *err)
{
	const struct check *check = context;
	bool is_new;

	if (check_look(check, record, &is_new, err) < 0)
		return -1;
	return is_new ? 0
		      : check_differs(check, record->range.offset, "not as the fix left them", err);
}

int check_new(struct journal_file *journal, const struct target *image, enum bs_code code,
	      struct bs_error *err)
{
	struct check check = {.code = code};

	return check_run(&check, journal, image, ENDS_NEW, check_record_is_new, err);
}

static int check_record_is_written(void *context, const struct journal_record *record,
				   struct bs_error *err)
{
	return record->range.kind == JOURNAL_GUARD ? 0 : check_record_is_new(context, record, err);
}

int check_written(struct journal_file *journal, const struct target *image, struct bs_error *err)
{
	struct check check = {.code = BS_VERIFY};

	return check_run(&check, journal, image, ENDS_NEW, check_record_is_written, err);
}

struct check_extent {
	const struct range_vector *ranges;
	bool *within;
};

static int check_record_is_within(void *context, const struct journal_record *record,
				  struct bs_error *err)
{
	const struct check_extent *extent = context;
	const struct journal_range *range = &record->range;

	(void)err;
	if (range->kind != JOURNAL_GUARD &&
	    !range_vector_contains(extent->ranges, (struct range){range->offset, range->length}))
		*extent->within = false;
	return 0;
}

int check_writes_within(struct journal_file *journal, const struct range_vector *ranges,
			bool *within, struct bs_error *err)
{
	struct check_extent extent = {.ranges = ranges, .within = within};

	*within = true;
	return journal_file_each(journal, check_record_is_within, &extent, err);
}

/* ---- new in part ---------------------------------------------------------------------------- */

static int check_record_for_any(void *context, const struct journal_record *record,
				struct bs_error *err)
{
	struct check *check = context;
	const struct journal_range *range = &record->range;

	if (check->any_new || range->kind == JOURNAL_GUARD ||
	    !range_within(range->offset, range->length, disk_size(check->image->disk)))
		return 0;
	return check_look(check, record, &check->any_new, err);
}

int check_any_new(struct journal_file *journal, const struct target *image, bool *any,
		  struct bs_error *err)
{
	struct check check = {.code = BS_VERIFY};
	int result = check_run(&check, journal, image, ENDS_ANYWHERE, check_record_for_any, err);

	*any = check.any_new;
	return result;
}

/* ---- wholly old ----------------------------------------------------------------------------- */

/* Whether each sector is as before, or another process wrote it. */
static bool check_ours_is_old(const struct check *check, const struct journal_record *record)
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

static bool check_is_old(const struct check *check, const struct journal_record *record)
{
	size_t length = (size_t)record->range.length;

	if (check->ours_only)
		return check_ours_is_old(check, record);
	return record->before ? memcmp(check->bytes, record->before, length) == 0
			      : all_zero(check->bytes, length);
}

static int check_record_is_old(void *context, const struct journal_record *record,
			       struct bs_error *err)
{
	const struct check *check = context;
	const struct journal_range *range = &record->range;

	if (range->kind != JOURNAL_DATA && range->kind != JOURNAL_HOLE)
		return 0; /* past the end, or never written */
	if (check_read(check, range->offset, range->length, err) < 0)
		return -1;
	if (!check_is_old(check, record))
		return check_differs(check, range->offset, "not as before the fix", err);
	return 0;
}

int check_old(struct journal_file *journal, const struct target *image, bool ours_only,
	      struct bs_error *err)
{
	struct check check = {.code = BS_VERIFY, .ours_only = ours_only};

	return check_run(&check, journal, image, ENDS_OLD, check_record_is_old, err);
}

/* ---- somewhere between ---------------------------------------------------------------------- */

/*
 * Whether a sector of a record, or a piece of a guard zone, can be what an interruption left.
 * `part` is the sector or the piece with this number, and `bytes` are its present bytes.
 */
static bool check_is_possible(const struct check *check, const struct journal_record *record,
			      const struct journal_range *part, size_t number, const uint8_t *bytes)
{
	const struct range *written;

	if (record->range.kind != JOURNAL_GUARD)
		return sector_look(record, part, bytes) != SECTOR_FOREIGN;
	if (journal_piece_is_after(record, number, bytes))
		return true;
	/* Only what lies in a record of the image may differ; the guard records come last. */
	written = range_vector_find(&check->records, part->offset);
	return written && written->offset < part->offset + part->length;
}

static int check_record_is_possible(void *context, const struct journal_record *record,
				    struct bs_error *err)
{
	struct check *check = context;
	const struct journal_range *range = &record->range;
	bool is_guard = range->kind == JOURNAL_GUARD;
	uint32_t part_size = is_guard ? record->piece_size : JOURNAL_SECTOR_SIZE;
	uint64_t length = disk_size(check->image->disk);
	uint64_t present; /* how much of the range lies within the image as it is now */

	if (!is_guard && range_vector_append(&check->records,
					     (struct range){range->offset, range->length}, err) < 0)
		return -1;
	if (range->offset >= length)
		return 0;
	present = min_u64(range->length, length - range->offset);
	if (check_read(check, range->offset, present, err) < 0)
		return -1;
	for (size_t i = 0; i < journal_piece_count(range, part_size); i++) {
		struct journal_range part = journal_piece(range, part_size, i);
		uint64_t start = part.offset - range->offset;

		if (start + part.length > present) /* cut by the end of an image that is short */
			break;
		if (!check_is_possible(check, record, &part, i, check->bytes + start))
			return check_differs(check, part.offset,
					     "neither as before nor as after the interrupted fix",
					     err);
	}
	return 0;
}

int check_can_be_taken_back(struct journal_file *journal, const struct target *image,
			    struct bs_error *err)
{
	struct check check = {.code = BS_CHANGED_SINCE};

	return check_run(&check, journal, image, ENDS_EITHER, check_record_is_possible, err);
}
