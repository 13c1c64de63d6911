/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes and publishes a journal; see publish.h. */
#include "transaction/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/crc32c.h"
#include "util/trust.h"

#define WHAT "the undo file"

/* What goes from one record to the next while a journal is written. */
struct writer {
	const struct transaction_io *io;
	int descriptor;      /* of the temporary file */
	struct disk *before; /* the image as staged */
	struct disk *after;
	uint8_t *before_bytes, *after_bytes, *record;
	uint64_t position; /* bytes */
	struct journal_header *header;
	struct journal_trailer trailer;
};

static void set_sizes(const struct range_list *list, struct journal_header *header)
{
	header->piece_size = JOURNAL_PIECE_SIZE;
	header->record_count = list->count;
	header->journal_size = JOURNAL_FIRST_RECORD + JOURNAL_BLOCK_SIZE;
	for (size_t i = 0; i < list->count; i++)
		header->journal_size += journal_record_size(&list->ranges[i], header->piece_size);
}

/* Where the file system cannot reserve, the writes themselves find out, still before the rename. */
static int reserve(const struct writer *writer, uint64_t size, struct bs_error *err)
{
	if (writer->io->fallocate(writer->descriptor, 0, 0, (off_t)size) == 0 ||
	    errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	return fail_system(err, "cannot reserve %llu bytes for " WHAT, (unsigned long long)size);
}

static int append(struct writer *writer, const uint8_t *bytes, size_t length, struct bs_error *err)
{
	if (transaction_write(writer->io, writer->descriptor, writer->position, bytes, length, WHAT,
			      err) < 0)
		return -1;
	writer->position += length;
	return 0;
}

static int write_record(struct writer *writer, const struct journal_range *range,
			struct bs_error *err)
{
	struct journal_trailer *trailer = &writer->trailer;
	uint8_t checksum[4];

	if (range->kind == JOURNAL_DATA &&
	    disk_read(writer->before, range->offset, writer->before_bytes, (size_t)range->length,
		      err) < 0)
		return -1;
	if (disk_read(writer->after, range->offset, writer->after_bytes, (size_t)range->length,
		      err) < 0)
		return -1;
	store_le32(checksum, journal_encode_record(writer->header, range, trailer->record_count,
						   writer->before_bytes, writer->after_bytes,
						   writer->record));
	trailer->records_checksum = crc32c(trailer->records_checksum, checksum, sizeof(checksum));
	trailer->record_count++;
	if (range->kind == JOURNAL_DATA)
		trailer->data_bytes += range->length;
	return append(writer, writer->record,
		      journal_record_size(range, writer->header->piece_size), err);
}

static int write_all(struct writer *writer, const struct range_list *list,
		     struct journal_header *header, struct bs_error *err)
{
	uint8_t block[JOURNAL_BLOCK_SIZE];

	if (reserve(writer, header->journal_size, err) < 0)
		return -1;
	journal_encode_header(header, block);
	if (append(writer, block, sizeof(block), err) < 0)
		return -1;
	memset(block, 0, sizeof(block));
	while (writer->position < JOURNAL_FIRST_RECORD) /* the marks, not set */
		if (append(writer, block, sizeof(block), err) < 0)
			return -1;
	for (size_t i = 0; i < list->count; i++)
		if (write_record(writer, &list->ranges[i], err) < 0)
			return -1;
	writer->trailer.journal_size = header->journal_size;
	journal_encode_trailer(&writer->trailer, header->identity, block);
	if (append(writer, block, sizeof(block), err) < 0)
		return -1;
	return transaction_sync(writer->io, writer->descriptor, WHAT, err);
}

/*
 * Who may read the image may read its journal.  Only its owner may write to it, or no command would
 * trust it later, and the owner needs both.
 */
static mode_t journal_mode(const struct place *place)
{
	return (place->target->status.mode & (S_IRGRP | S_IROTH)) | S_IRUSR | S_IWUSR;
}

int publish_write(const struct place *place, const struct range_list *list, struct disk *after,
		  const struct transaction_io *io, struct journal_header *header,
		  struct bs_error *err)
{
	struct writer writer = {.io = io,
				.descriptor = -1,
				.before = place->target->disk,
				.after = after,
				.header = header};
	int result = -1;

	set_sizes(list, header);
	writer.before_bytes = malloc(JOURNAL_RANGE_MAX);
	writer.after_bytes = malloc(JOURNAL_RANGE_MAX);
	writer.record = malloc(JOURNAL_RECORD_MAX);
	if (!writer.before_bytes || !writer.after_bytes || !writer.record) {
		fail_memory(err);
		goto out;
	}
	/* What an earlier attempt left behind; O_EXCL then says that nobody put a link here. */
	if (trust_check_name("unfinished undo file", place->temporary, err) < 0)
		goto out;
	if (io->unlink(place->temporary) < 0 && errno != ENOENT) {
		fail_system(err, "cannot remove %s", place->temporary);
		goto out;
	}
	writer.descriptor =
		io->open(place->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			 journal_mode(place));
	if (writer.descriptor < 0) {
		fail_system(err, "cannot create %s", place->temporary);
		goto out;
	}
	/* What could not be trusted after the fix is not used for one. */
	if (trust_check_file(writer.descriptor, "undo file", place->temporary, err) == 0)
		result = write_all(&writer, list, header, err);
	close(writer.descriptor);
	if (result < 0)
		(void)io->unlink(place->temporary); /* what stays is removed by the next start */
out:
	free(writer.before_bytes);
	free(writer.after_bytes);
	free(writer.record);
	return result;
}

int publish_rename(const struct place *place, const struct transaction_io *io, bool *published,
		   struct bs_error *err)
{
	*published = io->rename(place->temporary, place->journal) == 0;
	if (!*published) {
		fail_system(err, "cannot create %s", place->journal);
		(void)io->unlink(place->temporary); /* what stays is removed by the next start */
		return -1;
	}
	return transaction_sync_folder(io, place->folder, err);
}
