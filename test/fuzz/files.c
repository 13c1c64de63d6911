/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that bootshift wrote earlier: the undo file, a plan, rows. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/patches.h"
#include "report/plan-file.h"
#include "rows/row.h"
#include "transaction/journal-file.h"
#include "util/bytes.h"
#include "util/crc32c.h"

/* ---- the undo file ------------------------------------------------------------------------- */

#define JOURNAL_MOST (128u << 10) /* bytes of the whole file; more than is read at once */

struct journal_check {
	struct journal_header header;
	uint64_t count, end;
	bool in_guards;
};

static int journal_check_record(void *context, const struct journal_record *record,
				struct bs_error *err)
{
	const struct journal_range *range = &record->range;
	struct journal_check *check = context;

	(void)err;
	FUZZ_CHECK(record->index == check->count++);
	FUZZ_CHECK(range->length > 0 && range->length <= JOURNAL_RANGE_MAX);
	FUZZ_CHECK(range_within(range->offset, range->length, check->header.new_length));
	for (size_t i = 0; i < journal_piece_count(range, record->piece_size); i++) {
		struct journal_range piece = journal_piece(range, record->piece_size, i);

		FUZZ_CHECK(piece.length > 0 && piece.length <= record->piece_size &&
			   piece.offset >= range->offset &&
			   piece.offset + piece.length <= range->offset + range->length);
	}
	if (record->before)
		(void)journal_piece_is_after(record, 0, record->before);
	if (range->kind == JOURNAL_GUARD) {
		check->in_guards = true;
		return 0;
	}
	FUZZ_CHECK(!check->in_guards && range->offset >= check->end);
	check->end = range->offset + range->length;
	FUZZ_CHECK(range->kind == JOURNAL_BEYOND ? range->offset >= check->header.old_length
						 : check->end <= check->header.old_length);
	FUZZ_CHECK((range->kind == JOURNAL_DATA) == (record->before != NULL));
	return 0;
}

static void journal_check(const uint8_t *bytes, size_t size)
{
	char path[64];
	struct bs_error err = {.code = BS_OK};
	struct journal_file *file;
	int descriptor;

	/* Files in memory, because each run makes one. */
	snprintf(path, sizeof(path), "%s/bootshift-fuzz-%d",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (descriptor < 0 || pwrite(descriptor, bytes, size, 0) != (ssize_t)size)
		abort();
	close(descriptor);
	if (journal_file_open(path, &file, &err) == 0) {
		struct journal_check check = {.header = file->header};

		FUZZ_CHECK(file != NULL && check.header.old_length <= check.header.new_length);
		if (journal_file_validate(file, &err) == 0) {
			FUZZ_CHECK(check.header.journal_size == size);
			FUZZ_CHECK(journal_file_each(file, journal_check_record, &check, &err) ==
				   0);
			FUZZ_CHECK(check.count == check.header.record_count);
		}
	}
	if (err.code != BS_OK)
		FUZZ_CHECK(err.code == BS_JOURNAL_DAMAGED && err.message[0] != '\0');
	journal_file_close(file);
	unlink(path);
}

/*
 * Sets the identity and the checksums, so that the fields behind them are read.  The offsets are those
 * of bootshift-journal(5).
 */
static void journal_mend(uint8_t *bytes, size_t size)
{
	struct journal_header header;
	struct bs_error err;
	uint8_t *end = bytes + size - JOURNAL_BLOCK_SIZE;
	size_t at = JOURNAL_FIRST_RECORD, length;
	uint32_t sum = 0;

	store_le32(bytes + 4092, crc32c(0, bytes, 4092));
	if (journal_decode_header(bytes, &header, &err) < 0)
		return;
	for (uint64_t i = 0; i < header.record_count && at + JOURNAL_BLOCK_SIZE < size; i++) {
		uint8_t *record = bytes + at;
		struct journal_range range;

		if (journal_peek_record(&header, record, &length, &err) < 0 ||
		    !range_within(at, length, size))
			return;
		range.kind = (enum journal_kind)load_le32(record + 8);
		range.offset = load_le64(record + 24);
		range.length = load_le64(record + 32);
		store_le32(record + 40, header.identity);
		if (range.kind == JOURNAL_DATA)
			journal_hash(record + 128 +
					     4 * journal_piece_count(&range, header.piece_size),
				     (size_t)range.length, record + 48);
		store_le32(record + 12, 0);
		store_le32(record + 12, crc32c(0, record, length));
		sum = crc32c(sum, record + 12, 4);
		at += length;
	}
	store_le32(end + 12, header.identity);
	store_le32(end + 40, sum);
	store_le32(end + 4092, crc32c(0, end, 4092));
}

/* The input is a list of patches (patches.h) over zeros. */
void fuzz_journal(const uint8_t *bytes, size_t size)
{
	static struct patches patches;
	uint8_t *file;
	size_t length;

	if (!patches_open(&patches, bytes, size, JOURNAL_MOST, NULL, 0))
		return;
	length = disk_size(&patches.disk);
	file = malloc(length + 1);
	if (!file)
		return;
	patches_read(&patches, 0, file, length);
	journal_check(file, length);
	if (length >= JOURNAL_FIRST_RECORD + JOURNAL_BLOCK_SIZE) {
		journal_mend(file, length);
		journal_check(file, length);
	}
	free(file);
}

/* ---- plans and rows ------------------------------------------------------------------------ */

/* A plan that is read and written again is the same plan. */
void fuzz_plan(const uint8_t *bytes, size_t size)
{
	struct bs_error err = {.code = BS_OK};
	json_t *document = json_loadb((const char *)bytes, size, 0, NULL), *written, *again;
	struct plan_origin origin;
	struct bs_plan *plan;

	if (!document)
		return;
	plan = plan_from_document(document, &origin, &err);
	json_decref(document);
	if (!plan) {
		FUZZ_CHECK(err.code == BS_PLAN_INVALID || err.code == BS_NO_MEMORY);
		return;
	}
	FUZZ_CHECK(plan->operation_count <= BS_OPERATIONS_MAX &&
		   plan->file_count <= BS_PLAN_FILES_MAX && plan->element_count <= BS_ELEMENTS_MAX);
	written = plan_document(plan, &origin);
	FUZZ_CHECK(written != NULL);
	bs_plan_free(plan);
	plan = plan_from_document(written, &origin, &err);
	FUZZ_CHECK(plan != NULL);
	again = plan_document(plan, &origin);
	FUZZ_CHECK(json_equal(written, again));
	bs_plan_free(plan);
	json_decref(written);
	json_decref(again);
}

/* A row that is read and written again is the same row. */
void fuzz_row(const uint8_t *bytes, size_t size)
{
	const struct bs_error reason = {BS_TIMEOUT, "it took too long"};
	struct bs_error err = {.code = BS_OK};
	struct row row, again;
	char *line, *other;

	if (row_parse((const char *)bytes, size, &row, &err) < 0) {
		FUZZ_CHECK(err.code == BS_ROW_INVALID || err.code == BS_NO_MEMORY);
		row_free(&row);
		return;
	}
	FUZZ_CHECK((unsigned)row.code < BS_CODE_COUNT);
	FUZZ_CHECK(row.path && row.uri && row.location && row.location[0] != '\0');
	line = row_line(&row);
	FUZZ_CHECK(line != NULL);
	FUZZ_CHECK(row_parse(line, strlen(line), &again, &err) == 0);
	other = row_line(&again);
	FUZZ_CHECK(strcmp(line, other) == 0);
	FUZZ_CHECK(row.status == again.status && row.code == again.code &&
		   strcmp(row.location, again.location) == 0);
	free(other);
	FUZZ_CHECK(row_fail(&again, &reason, &err) == 0 && again.code == BS_TIMEOUT);
	row_free(&again);
	free(line);
	FUZZ_CHECK(row_set_status(&row, BS_STATUS_UNDONE, &err) == 0);
	row_free(&row);
}
