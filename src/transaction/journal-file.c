/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a journal from its file, and sets its marks; see journal-file.h. */
#include "transaction/journal-file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "util/bytes.h"
#include "util/crc32c.h"
#include "util/memory.h"
#include "util/trust.h"

#define READ_AHEAD (1u << 16) /* bytes of records read at a time; a record may be longer */

static int journal_file_read(const struct journal_file *file, uint64_t offset, uint8_t *buffer,
			     size_t length, struct bs_error *err)
{
	if (file_read_at(file->descriptor, offset, buffer, length, err) == 0)
		return 0;
	if (err->code == BS_OUT_OF_RANGE)
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file is cut short");
	return fail_prefix(err, "the undo file");
}

/* Leaves *image_modified alone unless the mark is set. */
static int journal_file_read_mark(struct journal_file *file, enum journal_mark mark, bool *set,
				  uint64_t *image_modified, struct bs_error *err)
{
	if (journal_file_read(file, mark * (uint64_t)JOURNAL_BLOCK_SIZE, file->buffer,
			      JOURNAL_BLOCK_SIZE, err) < 0)
		return -1;
	*set = journal_decode_mark(mark, file->header.identity, file->buffer, image_modified);
	return 0;
}

/* Reads header and marks, which tell the state also if other parts of the journal are damaged. */
static int journal_file_read_head(struct journal_file *file, struct bs_error *err)
{
	uint64_t none;
	struct stat stat;

	if (fstat(file->descriptor, &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at the undo file");
	if (!S_ISREG(stat.st_mode))
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file is not a regular file");
	if (journal_file_read(file, 0, file->buffer, JOURNAL_BLOCK_SIZE, err) < 0 ||
	    journal_decode_header(file->buffer, &file->header, err) < 0 ||
	    journal_file_read_mark(file, JOURNAL_APPLIED, &file->applied, &file->image_modified,
				   err) < 0 ||
	    journal_file_read_mark(file, JOURNAL_UNDOING, &file->undoing, &none, err) < 0)
		return -1;
	return journal_file_read_mark(file, JOURNAL_DONE, &file->done, &none, err);
}

int journal_file_open(const char *path, struct journal_file **result, struct bs_error *err)
{
	/* O_NONBLOCK: opening must not wait for a pipe that somebody put there. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct journal_file *file;

	*result = NULL;
	if (descriptor < 0 && errno == ENOENT)
		return 0;
	if (descriptor < 0)
		return fail_system(err, "cannot open the undo file");
	file = calloc(1, sizeof(*file));
	if (!file) {
		close(descriptor);
		return fail_memory(err);
	}
	file->descriptor = descriptor;
	file->marks = -1;
	file->buffer = memory_large(JOURNAL_RECORD_MAX);
	if (!file->buffer) {
		fail_memory(err);
		goto out;
	}
	if (trust_check_file(descriptor, "undo file", path, err) < 0)
		goto out;
	if (journal_file_read_head(file, err) < 0) {
		fail_prefix(err, "it is unknown whether a fix or an undo was interrupted");
		goto out;
	}
	*result = file;
	return 0;
out:
	journal_file_close(file);
	return -1;
}

void journal_file_close(struct journal_file *file)
{
	if (!file)
		return;
	if (file->marks >= 0)
		close(file->marks); /* every mark was synced, or its error was reported */
	close(file->descriptor);
	free(file->buffer);
	free(file);
}

/* Checks an intact record against the header and the records before it. */
static bool journal_file_fits(const struct journal_file *file, const struct journal_record *record)
{
	const struct journal_range *range = &record->range;
	bool has_room = journal_has_room(&file->header);
	uint64_t old_end = has_room ? file->header.room : file->header.old_length;

	if (record->index != file->sums.record_count ||
	    !range_within(range->offset, range->length, file->header.room))
		return false;
	if (range->kind == JOURNAL_GUARD)
		return true;
	if (file->in_guards || range->offset < file->image_end)
		return false;
	if (range->kind == JOURNAL_BEYOND)
		return has_room || range->offset >= old_end;
	return range_within(range->offset, range->length, old_end);
}

/* Reads the trailer, and checks that it fits the records and ends the file. */
static int journal_file_read_end(struct journal_file *file, struct bs_error *err)
{
	uint64_t size = file->header.journal_size;
	struct journal_trailer trailer;
	struct stat stat;

	if (fstat(file->descriptor, &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at the undo file");
	if ((uint64_t)stat.st_size != size)
		return fail(err, BS_JOURNAL_DAMAGED,
			    "the undo file has %llu bytes and should have %llu",
			    (unsigned long long)stat.st_size, (unsigned long long)size);
	if (journal_file_read(file, size - JOURNAL_BLOCK_SIZE, file->buffer, JOURNAL_BLOCK_SIZE,
			      err) < 0 ||
	    journal_decode_trailer(file->buffer, file->header.identity, &trailer, err) < 0)
		return -1;
	if (trailer.record_count != file->sums.record_count || trailer.journal_size != size ||
	    trailer.data_bytes != file->sums.data_bytes ||
	    trailer.records_checksum != file->sums.records_checksum ||
	    file->position + JOURNAL_BLOCK_SIZE != size)
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file's records do not add up");
	return 0;
}

/*
 * Makes the buffer have `wanted` bytes from the position on, or more, up to the end of the records,
 * which is `room` bytes away.
 */
static int journal_file_fill(struct journal_file *file, size_t wanted, uint64_t room,
			     struct bs_error *err)
{
	size_t kept = file->read - file->used, length;

	if (kept >= wanted)
		return 0;
	length = (size_t)min_u64(max_u64(wanted, READ_AHEAD), room) - kept;
	memmove(file->buffer, file->buffer + file->used, kept);
	file->used = file->read = 0;
	if (journal_file_read(file, file->position + kept, file->buffer + kept, length, err) < 0)
		return -1;
	file->read = kept + length;
	return 0;
}

static int journal_file_read_record(struct journal_file *file, struct journal_record *record,
				    struct bs_error *err)
{
	uint64_t room = file->header.journal_size - JOURNAL_BLOCK_SIZE - file->position;
	size_t size;

	if (room < JOURNAL_BLOCK_SIZE)
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file has too few records");
	if (journal_file_fill(file, JOURNAL_BLOCK_SIZE, room, err) < 0 ||
	    journal_peek_record(&file->header, file->buffer + file->used, &size, err) < 0)
		return -1;
	if (size > room)
		return fail(err, BS_JOURNAL_DAMAGED, "a record of the undo file is too long");
	if (journal_file_fill(file, size, room, err) < 0 ||
	    journal_decode_record(&file->header, file->buffer + file->used, size, record, err) < 0)
		return -1;
	if (!journal_file_fits(file, record))
		return fail(err, BS_JOURNAL_DAMAGED, "record %llu of the undo file is misplaced",
			    (unsigned long long)file->sums.record_count);
	file->position += size;
	file->used += size;
	return 0;
}

int journal_file_each(struct journal_file *file, journal_file_visit *visit, void *context,
		      struct bs_error *err)
{
	struct journal_record record;

	file->used = file->read = 0;
	file->position = JOURNAL_FIRST_RECORD;
	file->image_end = 0;
	file->in_guards = false;
	file->sums = (struct journal_trailer){0};
	while (file->sums.record_count < file->header.record_count) {
		if (journal_file_read_record(file, &record, err) < 0)
			return -1;
		journal_trailer_add(&file->sums, &record.range, record.checksum);
		file->in_guards = record.range.kind == JOURNAL_GUARD;
		if (!file->in_guards)
			file->image_end = record.range.offset + record.range.length;
		if (visit && visit(context, &record, err) < 0)
			return -1;
	}
	return journal_file_read_end(file, err);
}

int journal_file_validate(struct journal_file *file, struct bs_error *err)
{
	if (journal_file_each(file, NULL, NULL, err) < 0)
		return -1;
	file->validated = true;
	return 0;
}

int journal_file_open_marks(struct journal_file *file, const char *path,
			    const struct transaction_io *io, struct bs_error *err)
{
	struct stat reading, writing;
	int descriptor = io->open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);

	if (descriptor < 0 && errno == ENOENT)
		return fail(err, BS_UNDO_FILE_LOST, "the undo file disappeared");
	if (descriptor < 0)
		return fail_system(err, "cannot open the undo file");
	if (fstat(file->descriptor, &reading) < 0 || fstat(descriptor, &writing) < 0) {
		fail_errno(err, BS_IO, "cannot look at the undo file");
	} else if (!file_is_same(&reading, &writing)) {
		fail(err, BS_UNDO_FILE_LOST, "another file took the place of the undo file");
	} else {
		file->marks = descriptor;
		file->io = io;
		return 0;
	}
	close(descriptor);
	return -1;
}

bool journal_file_is_marked(struct journal_file *file, enum journal_mark mark)
{
	uint64_t ignored_time;
	struct bs_error ignored;
	bool set;

	return journal_file_read_mark(file, mark, &set, &ignored_time, &ignored) < 0 || set;
}

int journal_file_mark(struct journal_file *file, enum journal_mark mark, uint64_t image_modified,
		      struct bs_error *err)
{
	uint8_t block[JOURNAL_BLOCK_SIZE];

	assert(file->marks >= 0);
	file->applied |= mark == JOURNAL_APPLIED;
	journal_encode_mark(mark, file->header.identity, image_modified, block);
	if (transaction_write(file->io, file->marks, mark * (uint64_t)JOURNAL_BLOCK_SIZE, block,
			      sizeof(block), "the undo file", err) < 0 ||
	    transaction_sync(file->io, file->marks, "the undo file", err) < 0)
		return -1;
	file->undoing |= mark == JOURNAL_UNDOING;
	file->done |= mark == JOURNAL_DONE;
	return 0;
}
