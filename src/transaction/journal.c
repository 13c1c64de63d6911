/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encodes and decodes the parts of a journal; see journal.h.  The numbers below are the offsets of
 * the fields, and are in bootshift-journal(5) too.
 */
#include "transaction/journal.h"

#include <assert.h>
#include <nettle/sha2.h>

#include "util/bytes.h"
#include "util/crc32c.h"

/* The line ends show a copy that was mangled as text. */
#define HEADER_MAGIC  BS_UNDO_MAGIC
#define MARK_MAGIC    "BSMARK\r\n"
#define RECORD_MAGIC  "BSRECORD"
#define TRAILER_MAGIC "BSTRAIL\n"

enum {
	HEADER_MAGIC_SIZE = 16,
	MAGIC_SIZE = 8, /* of the others */

	HEADER_VERSION = 16,
	HEADER_BLOCK_SIZE = 20,
	HEADER_PIECE_SIZE = 24,
	HEADER_OLD_LENGTH = 32,
	HEADER_NEW_LENGTH = 40,
	HEADER_RECORD_COUNT = 48,
	HEADER_JOURNAL_SIZE = 56,
	HEADER_DEVICE = 64,
	HEADER_INODE = 72,
	HEADER_CREATED = 80,
	HEADER_ROOM = 88,
	HEADER_TOOL_VERSION = 96,
	HEADER_IMAGE_NAME = 128,
	HEADER_MAKER = 384,

	MARK_KIND = 8,
	MARK_IDENTITY = 12,
	MARK_IMAGE_MODIFIED = 16,
	MARK_CHECKSUM = JOURNAL_SECTOR_SIZE - 4,

	RECORD_KIND = 8,
	RECORD_CHECKSUM = 12,
	RECORD_INDEX = 16,
	RECORD_OFFSET = 24,
	RECORD_LENGTH = 32,
	RECORD_IDENTITY = 40,
	RECORD_HASH_BEFORE = 48,
	RECORD_HASH_AFTER = 80,
	RECORD_PIECES = 128,

	TRAILER_IDENTITY = 12,
	TRAILER_RECORD_COUNT = 16,
	TRAILER_DATA_BYTES = 24,
	TRAILER_JOURNAL_SIZE = 32,
	TRAILER_RECORDS_CHECKSUM = 40,

	BLOCK_CHECKSUM = JOURNAL_BLOCK_SIZE - 4, /* of the header and of the trailer */
};

static_assert(sizeof(HEADER_MAGIC) - 1 == HEADER_MAGIC_SIZE &&
		      sizeof(MARK_MAGIC) - 1 == MAGIC_SIZE &&
		      sizeof(RECORD_MAGIC) - 1 == MAGIC_SIZE &&
		      sizeof(TRAILER_MAGIC) - 1 == MAGIC_SIZE,
	      "the magics fit their fields");
static_assert(HEADER_IMAGE_NAME + sizeof(((struct journal_header *)0)->image_name) <=
			      HEADER_MAKER &&
		      HEADER_MAKER + BS_MAKER_SIZE <= BLOCK_CHECKSUM,
	      "the header fits its block");
/*
 * A range can begin and end in the middle of a piece.  It then touches one piece more than its
 * length divided by the size of a piece.
 */
static_assert(RECORD_PIECES + 4 * (JOURNAL_RANGE_MAX / JOURNAL_PIECE_SIZE + 1) + JOURNAL_RANGE_MAX +
			      (JOURNAL_BLOCK_SIZE - 1) <=
		      JOURNAL_RECORD_MAX,
	      "the longest record, padded, fits its buffer");

static void journal_compute_hash(const uint8_t *bytes, size_t length,
				 uint8_t hash[JOURNAL_HASH_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, length, bytes);
	sha256_digest(&context, JOURNAL_HASH_SIZE, hash);
}

/*
 * The bitmap of a large volume is mostly ranges of one byte.  So the last hash of such a range is kept
 * for the next one.
 */
void journal_hash(const uint8_t *bytes, size_t length, uint8_t hash[JOURNAL_HASH_SIZE])
{
	static _Thread_local struct {
		size_t length; /* 0: there was none yet */
		uint8_t byte, hash[JOURNAL_HASH_SIZE];
	} last;

	if (length == 0 || memcmp(bytes, bytes + 1, length - 1) != 0) {
		journal_compute_hash(bytes, length, hash);
		return;
	}
	if (last.length != length || last.byte != bytes[0]) {
		journal_compute_hash(bytes, length, last.hash);
		last.length = length;
		last.byte = bytes[0];
	}
	memcpy(hash, last.hash, sizeof(last.hash));
}

/* ---- blocks that end with their checksum ---------------------------------------------------- */

static void journal_seal(uint8_t *block)
{
	store_le32(block + BLOCK_CHECKSUM, crc32c(0, block, BLOCK_CHECKSUM));
}

static bool journal_is_sealed(const uint8_t *block)
{
	return load_le32(block + BLOCK_CHECKSUM) == crc32c(0, block, BLOCK_CHECKSUM);
}

/* The pieces of version 1 are whole sectors. */
static uint32_t journal_version(const struct journal_header *header)
{
	if (journal_has_room(header))
		return JOURNAL_VERSION_SET;
	return header->piece_size == JOURNAL_SECTOR_SIZE ? 1 : JOURNAL_VERSION;
}

void journal_encode_header(struct journal_header *header, uint8_t block[JOURNAL_BLOCK_SIZE])
{
	memset(block, 0, JOURNAL_BLOCK_SIZE);
	memcpy(block, HEADER_MAGIC, HEADER_MAGIC_SIZE);
	store_le32(block + HEADER_VERSION, journal_version(header));
	store_le32(block + HEADER_BLOCK_SIZE, JOURNAL_BLOCK_SIZE);
	store_le32(block + HEADER_PIECE_SIZE, header->piece_size);
	store_le64(block + HEADER_OLD_LENGTH, header->old_length);
	store_le64(block + HEADER_NEW_LENGTH, header->new_length);
	store_le64(block + HEADER_RECORD_COUNT, header->record_count);
	store_le64(block + HEADER_JOURNAL_SIZE, header->journal_size);
	store_le64(block + HEADER_DEVICE, header->device);
	store_le64(block + HEADER_INODE, header->inode);
	store_le64(block + HEADER_CREATED, (uint64_t)header->created);
	store_le64(block + HEADER_ROOM, journal_has_room(header) ? header->room : 0);
	memcpy(block + HEADER_TOOL_VERSION, header->tool_version, sizeof(header->tool_version));
	memcpy(block + HEADER_IMAGE_NAME, header->image_name, sizeof(header->image_name));
	memcpy(block + HEADER_MAKER, header->maker, sizeof(header->maker));
	journal_seal(block);
	header->identity = load_le32(block + BLOCK_CHECKSUM);
}

static bool journal_header_is_plausible(const struct journal_header *header)
{
	uint64_t blocks = header->journal_size / JOURNAL_BLOCK_SIZE;

	/* At least a block for each record, four in front and the trailer. */
	return header->journal_size % JOURNAL_BLOCK_SIZE == 0 && blocks >= 5 &&
	       header->journal_size <= INT64_MAX && header->record_count <= blocks - 5 &&
	       header->old_length <= header->new_length && header->new_length <= header->room &&
	       header->room <= INT64_MAX &&
	       header->tool_version[sizeof(header->tool_version) - 1] == '\0' &&
	       header->image_name[sizeof(header->image_name) - 1] == '\0';
}

int journal_decode_header(const uint8_t block[JOURNAL_BLOCK_SIZE], struct journal_header *header,
			  struct bs_error *err)
{
	if (memcmp(block, HEADER_MAGIC, HEADER_MAGIC_SIZE) != 0)
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file does not begin like one");
	if (!journal_is_sealed(block))
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file's header is damaged");
	header->piece_size = load_le32(block + HEADER_PIECE_SIZE);
	header->old_length = load_le64(block + HEADER_OLD_LENGTH);
	header->new_length = load_le64(block + HEADER_NEW_LENGTH);
	header->room = max_u64(load_le64(block + HEADER_ROOM), header->new_length);
	if ((header->piece_size != JOURNAL_SECTOR_SIZE &&
	     header->piece_size != JOURNAL_PIECE_SIZE) ||
	    load_le32(block + HEADER_VERSION) != journal_version(header) ||
	    load_le32(block + HEADER_BLOCK_SIZE) != JOURNAL_BLOCK_SIZE)
		return fail(err, BS_JOURNAL_DAMAGED,
			    "the undo file is of version %u, which this program does not know",
			    load_le32(block + HEADER_VERSION));
	header->record_count = load_le64(block + HEADER_RECORD_COUNT);
	header->journal_size = load_le64(block + HEADER_JOURNAL_SIZE);
	header->device = load_le64(block + HEADER_DEVICE);
	header->inode = load_le64(block + HEADER_INODE);
	header->created = (int64_t)load_le64(block + HEADER_CREATED);
	memcpy(header->tool_version, block + HEADER_TOOL_VERSION, sizeof(header->tool_version));
	memcpy(header->image_name, block + HEADER_IMAGE_NAME, sizeof(header->image_name));
	memcpy(header->maker, block + HEADER_MAKER, sizeof(header->maker));
	header->identity = load_le32(block + BLOCK_CHECKSUM);
	if (!journal_header_is_plausible(header))
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file's header contradicts itself");
	return 0;
}

void journal_trailer_add(struct journal_trailer *trailer, const struct journal_range *range,
			 uint32_t record_checksum)
{
	uint8_t bytes[4];

	store_le32(bytes, record_checksum);
	trailer->records_checksum = crc32c(trailer->records_checksum, bytes, sizeof(bytes));
	trailer->record_count++;
	if (range->kind == JOURNAL_DATA)
		trailer->data_bytes += range->length;
}

void journal_encode_trailer(const struct journal_trailer *trailer, uint32_t identity,
			    uint8_t block[JOURNAL_BLOCK_SIZE])
{
	memset(block, 0, JOURNAL_BLOCK_SIZE);
	memcpy(block, TRAILER_MAGIC, MAGIC_SIZE);
	store_le32(block + TRAILER_IDENTITY, identity);
	store_le64(block + TRAILER_RECORD_COUNT, trailer->record_count);
	store_le64(block + TRAILER_DATA_BYTES, trailer->data_bytes);
	store_le64(block + TRAILER_JOURNAL_SIZE, trailer->journal_size);
	store_le32(block + TRAILER_RECORDS_CHECKSUM, trailer->records_checksum);
	journal_seal(block);
}

int journal_decode_trailer(const uint8_t block[JOURNAL_BLOCK_SIZE], uint32_t identity,
			   struct journal_trailer *trailer, struct bs_error *err)
{
	if (memcmp(block, TRAILER_MAGIC, MAGIC_SIZE) != 0 || !journal_is_sealed(block) ||
	    load_le32(block + TRAILER_IDENTITY) != identity)
		return fail(err, BS_JOURNAL_DAMAGED, "the undo file's last block is damaged");
	trailer->record_count = load_le64(block + TRAILER_RECORD_COUNT);
	trailer->data_bytes = load_le64(block + TRAILER_DATA_BYTES);
	trailer->journal_size = load_le64(block + TRAILER_JOURNAL_SIZE);
	trailer->records_checksum = load_le32(block + TRAILER_RECORDS_CHECKSUM);
	return 0;
}

/* ---- marks ---------------------------------------------------------------------------------- */

void journal_encode_mark(enum journal_mark mark, uint32_t identity, uint64_t image_modified,
			 uint8_t block[JOURNAL_BLOCK_SIZE])
{
	memset(block, 0, JOURNAL_BLOCK_SIZE);
	for (uint8_t *copy = block; copy < block + JOURNAL_BLOCK_SIZE;
	     copy += JOURNAL_SECTOR_SIZE) {
		memcpy(copy, MARK_MAGIC, MAGIC_SIZE);
		store_le32(copy + MARK_KIND, mark);
		store_le32(copy + MARK_IDENTITY, identity);
		store_le64(copy + MARK_IMAGE_MODIFIED, image_modified);
		store_le32(copy + MARK_CHECKSUM, crc32c(0, copy, MARK_CHECKSUM));
	}
}

static bool journal_is_mark(const uint8_t *copy, enum journal_mark mark, uint32_t identity)
{
	return memcmp(copy, MARK_MAGIC, MAGIC_SIZE) == 0 && load_le32(copy + MARK_KIND) == mark &&
	       load_le32(copy + MARK_IDENTITY) == identity &&
	       load_le32(copy + MARK_CHECKSUM) == crc32c(0, copy, MARK_CHECKSUM);
}

bool journal_decode_mark(enum journal_mark mark, uint32_t identity,
			 const uint8_t block[JOURNAL_BLOCK_SIZE], uint64_t *image_modified)
{
	for (size_t at = 0; at < JOURNAL_BLOCK_SIZE; at += JOURNAL_SECTOR_SIZE)
		if (journal_is_mark(block + at, mark, identity)) {
			*image_modified = load_le64(block + at + MARK_IMAGE_MODIFIED);
			return true;
		}
	return false;
}

/* ---- records -------------------------------------------------------------------------------- */

size_t journal_piece_count(const struct journal_range *range, uint32_t piece_size)
{
	uint64_t first = range->offset / piece_size;
	uint64_t last = (range->offset + range->length - 1) / piece_size;

	return (size_t)(last - first + 1);
}

struct journal_range journal_piece(const struct journal_range *range, uint32_t piece_size,
				   size_t number)
{
	uint64_t start = (range->offset / piece_size + number) * piece_size;
	uint64_t end = min_u64(start + piece_size, range->offset + range->length);

	if (start < range->offset)
		start = range->offset;
	return (struct journal_range){range->kind, start, end - start};
}

bool journal_piece_is_after(const struct journal_record *record, size_t number,
			    const uint8_t *bytes)
{
	struct journal_range piece = journal_piece(&record->range, record->piece_size, number);

	return crc32c(0, bytes, (size_t)piece.length) == load_le32(record->pieces + 4 * number);
}

/* The offset in a record of the bytes before, or, without those, of the padding. */
static size_t journal_bytes_position(const struct journal_range *range, uint32_t piece_size)
{
	return RECORD_PIECES + 4 * journal_piece_count(range, piece_size);
}

size_t journal_record_size(const struct journal_range *range, uint32_t piece_size)
{
	size_t size = journal_bytes_position(range, piece_size);

	if (range->kind == JOURNAL_DATA)
		size += (size_t)range->length;
	return (size_t)journal_block_end(size);
}

/* Covers the whole record with its padding; the checksum itself counts as zeros. */
static uint32_t journal_record_checksum(const uint8_t *buffer, size_t size)
{
	static const uint8_t zeros[4];
	uint32_t crc = crc32c(0, buffer, RECORD_CHECKSUM);

	crc = crc32c(crc, zeros, sizeof(zeros));
	return crc32c(crc, buffer + RECORD_CHECKSUM + 4, size - RECORD_CHECKSUM - 4);
}

uint32_t journal_encode_record(const struct journal_header *header,
			       const struct journal_range *range, uint64_t index,
			       const uint8_t *before, const uint8_t *after, uint8_t *buffer)
{
	size_t size = journal_record_size(range, header->piece_size);
	size_t pieces = journal_piece_count(range, header->piece_size);
	uint32_t checksum;

	memset(buffer, 0, size);
	memcpy(buffer, RECORD_MAGIC, MAGIC_SIZE);
	store_le32(buffer + RECORD_KIND, range->kind);
	store_le64(buffer + RECORD_INDEX, index);
	store_le64(buffer + RECORD_OFFSET, range->offset);
	store_le64(buffer + RECORD_LENGTH, range->length);
	store_le32(buffer + RECORD_IDENTITY, header->identity);
	journal_hash(after, (size_t)range->length, buffer + RECORD_HASH_AFTER);
	for (size_t i = 0; i < pieces; i++) {
		struct journal_range piece = journal_piece(range, header->piece_size, i);

		store_le32(buffer + RECORD_PIECES + 4 * i,
			   crc32c(0, after + (piece.offset - range->offset), (size_t)piece.length));
	}
	if (range->kind == JOURNAL_DATA) {
		journal_hash(before, (size_t)range->length, buffer + RECORD_HASH_BEFORE);
		memcpy(buffer + journal_bytes_position(range, header->piece_size), before,
		       (size_t)range->length);
	}
	checksum = journal_record_checksum(buffer, size);
	store_le32(buffer + RECORD_CHECKSUM, checksum);
	return checksum;
}

/* Reads the range of a record and checks that it does not overflow. */
static int journal_load_range(const uint8_t *buffer, struct journal_range *range,
			      struct bs_error *err)
{
	uint32_t kind = load_le32(buffer + RECORD_KIND);

	range->kind = (enum journal_kind)kind;
	range->offset = load_le64(buffer + RECORD_OFFSET);
	range->length = load_le64(buffer + RECORD_LENGTH);
	if (memcmp(buffer, RECORD_MAGIC, MAGIC_SIZE) != 0 || kind < JOURNAL_DATA ||
	    kind > JOURNAL_GUARD || range->length == 0 || range->length > JOURNAL_RANGE_MAX ||
	    !range_within(range->offset, range->length, INT64_MAX))
		return fail(err, BS_JOURNAL_DAMAGED, "a record of the undo file is damaged");
	return 0;
}

int journal_peek_record(const struct journal_header *header,
			const uint8_t block[JOURNAL_BLOCK_SIZE], size_t *size, struct bs_error *err)
{
	struct journal_range range;

	if (journal_load_range(block, &range, err) < 0)
		return -1;
	*size = journal_record_size(&range, header->piece_size);
	return 0;
}

static bool journal_hash_matches(const uint8_t *bytes, size_t length, const uint8_t *hash)
{
	uint8_t actual[JOURNAL_HASH_SIZE];

	journal_hash(bytes, length, actual);
	return memcmp(actual, hash, sizeof(actual)) == 0;
}

int journal_decode_record(const struct journal_header *header, const uint8_t *buffer, size_t size,
			  struct journal_record *record, struct bs_error *err)
{
	struct journal_range *range = &record->range;
	uint32_t piece_size = header->piece_size;

	if (journal_load_range(buffer, range, err) < 0)
		return -1;
	record->index = load_le64(buffer + RECORD_INDEX);
	record->checksum = load_le32(buffer + RECORD_CHECKSUM);
	record->hash_before = buffer + RECORD_HASH_BEFORE;
	record->hash_after = buffer + RECORD_HASH_AFTER;
	record->piece_size = piece_size;
	record->pieces = buffer + RECORD_PIECES;
	record->before = range->kind == JOURNAL_DATA
				 ? buffer + journal_bytes_position(range, piece_size)
				 : NULL;
	if (size != journal_record_size(range, piece_size) ||
	    load_le32(buffer + RECORD_IDENTITY) != header->identity ||
	    record->checksum != journal_record_checksum(buffer, size) ||
	    (record->before &&
	     !journal_hash_matches(record->before, (size_t)range->length, record->hash_before)))
		return fail(err, BS_JOURNAL_DAMAGED,
			    "the undo file's record for byte %llu is damaged",
			    (unsigned long long)range->offset);
	return 0;
}
