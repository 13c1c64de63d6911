/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The format of the journal: its exact bytes, and that all damage is noticed. */
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transaction/journal-file.h"
#include "util/bytes.h"
#include "util/crc32c.h"

#include "support/test.h"

#define BLOCK JOURNAL_BLOCK_SIZE

/* A small complete journal with a data, a hole, a beyond-eof and a guard record. */
static const struct journal_range ranges[] = {
	{JOURNAL_DATA, 512, 1024},
	{JOURNAL_HOLE, 8192, 4096},
	{JOURNAL_BEYOND, 16384, 512},
	{JOURNAL_GUARD, 0, 512},
};
#define RECORDS      4u
#define JOURNAL_SIZE ((4u + RECORDS + 1u) * BLOCK)

static uint32_t build_with(uint8_t *journal, uint32_t piece_size)
{
	struct journal_header header = {.piece_size = piece_size,
					.old_length = 16384,
					.new_length = 16896,
					.record_count = RECORDS,
					.journal_size = JOURNAL_SIZE,
					.device = 0x0102,
					.inode = 0x0304,
					.created = 0x0506,
					.tool_version = "1.2.3",
					.image_name = "disk.img",
					.maker = "the maker's name"};
	struct journal_trailer trailer = {
		.record_count = RECORDS, .data_bytes = 1024, .journal_size = JOURNAL_SIZE};
	uint8_t before[4096], after[4096], checksum[4];

	memset(before, 0xb0, sizeof(before));
	memset(after, 0xa0, sizeof(after));
	memset(journal, 0, JOURNAL_SIZE);
	journal_encode_header(&header, journal);
	for (uint32_t i = 0; i < RECORDS; i++) {
		store_le32(checksum, journal_encode_record(&header, &ranges[i], i, before, after,
							   journal + (4 + i) * BLOCK));
		trailer.records_checksum = crc32c(trailer.records_checksum, checksum, 4);
	}
	journal_encode_trailer(&trailer, header.identity, journal + JOURNAL_SIZE - BLOCK);
	return header.identity;
}

static uint32_t build(uint8_t *journal)
{
	return build_with(journal, JOURNAL_PIECE_SIZE);
}

/* A journal in a file without a name, for functions that read files. */
struct fixture {
	char path[64];
	int descriptor;
	uint8_t bytes[JOURNAL_SIZE];
	uint32_t identity;
};

static void fixture_open(struct fixture *fixture)
{
	strcpy(fixture->path, "/tmp/test-journal-XXXXXX");
	fixture->descriptor = mkstemp(fixture->path);
	ck_assert_int_ge(fixture->descriptor, 0);
	fixture->identity = build(fixture->bytes);
}

static void fixture_write(const struct fixture *fixture, const uint8_t *bytes, size_t length)
{
	ck_assert_int_eq(ftruncate(fixture->descriptor, (off_t)length), 0);
	ck_assert_int_eq(pwrite(fixture->descriptor, bytes, length, 0), (ssize_t)length);
}

static void fixture_close(const struct fixture *fixture)
{
	close(fixture->descriptor);
	unlink(fixture->path);
}

/* Opens and validates a journal.  Returns the code of the error, and the marks. */
static enum bs_code validate(const struct fixture *fixture, bool marks[3])
{
	struct journal_file *file;
	struct bs_error err = {BS_OK, ""};

	if (journal_file_open(fixture->path, &file, &err) < 0)
		return err.code;
	marks[0] = file->applied;
	marks[1] = file->undoing;
	marks[2] = file->done;
	if (journal_file_validate(file, &err) == 0)
		err.code = BS_OK;
	journal_file_close(file);
	return err.code;
}

TEST_CASE(format, "format");

TEST(format, the_header_has_the_documented_bytes)
{
	static const uint8_t start[] = {
		'b',  'o',  'o', 't', 's', 'h',  'i', 'f', 't', '-', 'u', 'n', 'd', 'o',
		'\r', '\n', 2,   0,   0,   0,                                /* version */
		0,    16,   0,   0,                                          /* block size */
		64,   0,    0,   0,                                          /* piece size */
		0,    0,    0,   0,   0,   0x40, 0,   0,   0,   0,   0,   0, /* old length */
		0,    0x42, 0,   0,   0,   0,    0,   0,                     /* new length */
		4,    0,    0,   0,   0,   0,    0,   0,                     /* records */
		0,    0x90, 0,   0,   0,   0,    0,   0,                     /* journal size */
		2,    1,    0,   0,   0,   0,    0,   0,                     /* device */
		4,    3,    0,   0,   0,   0,    0,   0,                     /* inode */
		6,    5,    0,   0,   0,   0,    0,   0,                     /* created */
		0,    0,    0,   0,   0,   0,    0,   0,   '1', '.', '2', '.', '3', 0,
	};
	uint8_t journal[JOURNAL_SIZE];

	build(journal);
	ck_assert_mem_eq(journal, start, sizeof(start));
	ck_assert_mem_eq(journal + 128, "disk.img", 9);
	ck_assert_mem_eq(journal + 384, "the maker's name\0", 17);
	ck_assert_uint_eq(load_le32(journal + BLOCK - 4), crc32c(0, journal, BLOCK - 4));
}

TEST(format, a_data_record_has_the_documented_bytes)
{
	static const uint8_t start[] = {
		'B', 'S', 'R', 'E', 'C', 'O', 'R', 'D', 1, 0, 0, 0, /* kind */
	};
	static const uint8_t middle[] = {
		0, 0, 0, 0, 0, 0, 0, 0, /* index */
		0, 2, 0, 0, 0, 0, 0, 0, /* offset */
		0, 4, 0, 0, 0, 0, 0, 0, /* length */
	};
	uint8_t journal[JOURNAL_SIZE], expected[1024], hash[32], sum[4];
	const uint8_t *record = journal + JOURNAL_FIRST_RECORD;
	uint32_t identity = build(journal);

	ck_assert_mem_eq(record, start, sizeof(start));
	ck_assert_mem_eq(record + 16, middle, sizeof(middle));
	ck_assert_uint_eq(load_le32(record + 40), identity);
	memset(expected, 0xb0, sizeof(expected));
	journal_hash(expected, sizeof(expected), hash);
	ck_assert_mem_eq(record + 48, hash, 32);
	ck_assert_mem_eq(record + 192, expected, sizeof(expected)); /* after 16 checksums */
	memset(expected, 0xa0, sizeof(expected));
	journal_hash(expected, sizeof(expected), hash);
	ck_assert_mem_eq(record + 80, hash, 32);
	store_le32(sum, crc32c(0, expected, 64));
	ck_assert_mem_eq(record + 128, sum, 4);
	ck_assert_mem_eq(record + 188, sum, 4);
	ck_assert(all_zero(record + 192 + 1024, BLOCK - 192 - 1024));
	uint32_t checksum =
		crc32c(crc32c(crc32c(0, record, 12), "\0\0\0\0", 4), record + 16, BLOCK - 16);
	ck_assert_uint_eq(load_le32(record + 12), checksum);
}

/* The hash of equal bytes may come from the last hash of such bytes. */
TEST(format, the_hash_of_equal_bytes_is_that_of_these_bytes)
{
	static const struct {
		int byte;
		size_t length;
	} runs[] = {{0, 4096}, {0, 4096}, {0, 4095}, {0xff, 4095}, {0xff, 1}, {0, 0}, {0, 4096}};
	uint8_t bytes[4096], hash[32], expected[32];
	struct sha256_ctx context;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		for (int differs = 0; differs < 2; differs++) {
			memset(bytes, runs[i].byte, sizeof(bytes));
			if (runs[i].length > 0)
				bytes[runs[i].length - 1] ^= (uint8_t)differs;
			sha256_init(&context);
			sha256_update(&context, runs[i].length, bytes);
			sha256_digest(&context, sizeof(expected), expected);
			journal_hash(bytes, runs[i].length, hash);
			ck_assert_mem_eq(hash, expected, sizeof(expected));
		}
}

TEST(format, a_mark_has_the_documented_bytes_in_each_sector)
{
	static const uint8_t start[] = {'B',  'S',  'M',  'A',  'R',  'K',  '\r', '\n',
					2,    0,    0,    0,    0x44, 0x33, 0x22, 0x11,
					0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	uint8_t block[BLOCK];

	journal_encode_mark(JOURNAL_UNDOING, 0x11223344, 0x8877665544332211, block);
	for (size_t at = 0; at < BLOCK; at += 512) {
		ck_assert_mem_eq(block + at, start, sizeof(start));
		ck_assert(all_zero(block + at + 24, 508 - 24));
		ck_assert_uint_eq(load_le32(block + at + 508), crc32c(0, block + at, 508));
	}
}

TEST(format, the_trailer_has_the_documented_bytes)
{
	uint8_t journal[JOURNAL_SIZE];
	uint32_t identity = build(journal);
	const uint8_t *trailer = journal + JOURNAL_SIZE - BLOCK;

	ck_assert_mem_eq(trailer, "BSTRAIL\n\0\0\0\0", 12);
	ck_assert_uint_eq(load_le32(trailer + 12), identity);
	ck_assert_uint_eq(load_le64(trailer + 16), 4);
	ck_assert_uint_eq(load_le64(trailer + 24), 1024);
	ck_assert_uint_eq(load_le64(trailer + 32), JOURNAL_SIZE);
	ck_assert_uint_eq(load_le32(trailer + BLOCK - 4), crc32c(0, trailer, BLOCK - 4));
}

static size_t visited;

static int check_record(void *context, const struct journal_record *record, struct bs_error *err)
{
	const uint32_t *piece_size = context;

	(void)err;
	ck_assert_int_eq(record->range.kind, ranges[visited].kind);
	ck_assert_uint_eq(record->range.offset, ranges[visited].offset);
	ck_assert_uint_eq(record->range.length, ranges[visited].length);
	ck_assert_uint_eq(record->piece_size, *piece_size);
	visited++;
	return 0;
}

/* Also for version 1: such a file may be years old. */
TEST_LOOP(format, a_journal_reads_back_as_it_was_written, 0, 2)
{
	static uint32_t piece_sizes[] = {512, 64};
	struct journal_file *file;
	struct fixture fixture;
	struct bs_error err;

	fixture_open(&fixture);
	build_with(fixture.bytes, piece_sizes[_i]);
	ck_assert_uint_eq(load_le32(fixture.bytes + 16), _i + 1); /* the version */
	ck_assert_uint_eq(load_le32(fixture.bytes + 24), piece_sizes[_i]);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(journal_file_open(fixture.path, &file, &err), 0);
	ck_assert_str_eq(file->header.image_name, "disk.img");
	ck_assert_mem_eq(file->header.maker, "the maker's name", BS_MAKER_SIZE);
	ck_assert_uint_eq(file->header.new_length, 16896);
	visited = 0;
	ck_assert_int_eq(journal_file_each(file, check_record, &piece_sizes[_i], &err), 0);
	ck_assert_uint_eq(visited, RECORDS);
	journal_file_close(file);
	fixture_close(&fixture);
}

TEST_CASE(damage, "damage");
TEST_CASE(damage_anywhere, "damage anywhere", .tags = "slow");

TEST(damage_anywhere, every_flipped_bit_outside_of_the_marks_is_seen)
{
	struct fixture fixture;
	bool marks[3];

	fixture_open(&fixture);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(validate(&fixture, marks), BS_OK);
	for (size_t at = 0; at < JOURNAL_SIZE; at++) {
		uint8_t flipped;

		if (at == BLOCK)
			at = JOURNAL_FIRST_RECORD;
		flipped = fixture.bytes[at] ^ (uint8_t)(1u << at % 8);
		ck_assert_int_eq(pwrite(fixture.descriptor, &flipped, 1, (off_t)at), 1);
		ck_assert_msg(validate(&fixture, marks) == BS_JOURNAL_DAMAGED, "byte %zu", at);
		ck_assert_int_eq(pwrite(fixture.descriptor, &fixture.bytes[at], 1, (off_t)at), 1);
	}
	fixture_close(&fixture);
}

/* Few of the bits, so that this is an everyday test. */
TEST(damage, flipped_bits_of_each_record_are_seen)
{
	struct fixture fixture;
	bool marks[3];

	fixture_open(&fixture);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	for (size_t at = JOURNAL_FIRST_RECORD; at < JOURNAL_SIZE; at += 61) {
		uint8_t flipped = fixture.bytes[at] ^ (uint8_t)(1u << at % 8);

		ck_assert_int_eq(pwrite(fixture.descriptor, &flipped, 1, (off_t)at), 1);
		ck_assert_msg(validate(&fixture, marks) == BS_JOURNAL_DAMAGED, "byte %zu", at);
		ck_assert_int_eq(pwrite(fixture.descriptor, &fixture.bytes[at], 1, (off_t)at), 1);
	}
	fixture_close(&fixture);
}

TEST(damage, a_sound_record_that_the_trailer_does_not_know_is_seen)
{
	struct journal_header header = {.piece_size = JOURNAL_PIECE_SIZE};
	uint8_t before[4096], after[4096];
	struct fixture fixture;
	bool marks[3];

	fixture_open(&fixture);
	header.identity = fixture.identity;
	memset(before, 0xb1, sizeof(before));
	memset(after, 0xa1, sizeof(after));
	journal_encode_record(&header, &ranges[0], 0, before, after,
			      fixture.bytes + JOURNAL_FIRST_RECORD);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(validate(&fixture, marks), BS_JOURNAL_DAMAGED);
	fixture_close(&fixture);
}

/* Validates a journal that ends with this trailer.  The checksum of the records is made to fit. */
static enum bs_code validate_with_trailer(struct journal_trailer trailer)
{
	struct fixture fixture;
	enum bs_code code;
	bool marks[3];

	fixture_open(&fixture);
	for (uint32_t i = 0; i < RECORDS; i++)
		trailer.records_checksum =
			crc32c(trailer.records_checksum, fixture.bytes + (4 + i) * BLOCK + 12, 4);
	journal_encode_trailer(&trailer, fixture.identity, fixture.bytes + JOURNAL_SIZE - BLOCK);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	code = validate(&fixture, marks);
	fixture_close(&fixture);
	return code;
}

TEST(damage, a_trailer_that_does_not_add_up_is_seen)
{
	const struct journal_trailer good = {
		.record_count = RECORDS, .data_bytes = 1024, .journal_size = JOURNAL_SIZE};
	struct journal_trailer wrong = good;

	ck_assert_int_eq(validate_with_trailer(good), BS_OK);
	wrong.record_count++;
	ck_assert_int_eq(validate_with_trailer(wrong), BS_JOURNAL_DAMAGED);
	wrong = good;
	wrong.data_bytes++;
	ck_assert_int_eq(validate_with_trailer(wrong), BS_JOURNAL_DAMAGED);
	wrong = good;
	wrong.journal_size += BLOCK;
	ck_assert_int_eq(validate_with_trailer(wrong), BS_JOURNAL_DAMAGED);
}

/* The header counts one record less than there are. */
TEST(damage, a_record_that_the_header_does_not_count_is_seen)
{
	struct journal_trailer trailer = {
		.record_count = RECORDS - 1, .data_bytes = 1024, .journal_size = JOURNAL_SIZE};
	struct journal_header header;
	struct fixture fixture;
	struct bs_error err;
	uint8_t before[4096] = {0}, after[4096] = {0};
	bool marks[3];

	fixture_open(&fixture);
	ck_assert_int_eq(journal_decode_header(fixture.bytes, &header, &err), 0);
	header.record_count--;
	journal_encode_header(&header, fixture.bytes);
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint8_t *record = fixture.bytes + (4 + i) * BLOCK;

		journal_encode_record(&header, &ranges[i], i, before, after, record);
		if (i < RECORDS - 1)
			trailer.records_checksum = crc32c(trailer.records_checksum, record + 12, 4);
	}
	journal_encode_trailer(&trailer, header.identity, fixture.bytes + JOURNAL_SIZE - BLOCK);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(validate(&fixture, marks), BS_JOURNAL_DAMAGED);
	fixture_close(&fixture);
}

TEST(damage, a_flipped_bit_in_a_mark_neither_sets_nor_loses_one)
{
	uint8_t set[BLOCK], unset[BLOCK] = {0};
	uint64_t image_modified = 0;

	journal_encode_mark(JOURNAL_APPLIED, 7, 99, set);
	for (size_t at = 0; at < BLOCK; at++) {
		uint8_t bit = (uint8_t)(1u << at % 8);

		set[at] ^= bit;
		unset[at] ^= bit;
		ck_assert(journal_decode_mark(JOURNAL_APPLIED, 7, set, &image_modified));
		ck_assert_uint_eq(image_modified, 99);
		ck_assert(!journal_decode_mark(JOURNAL_APPLIED, 7, unset, &image_modified));
		set[at] ^= bit;
		unset[at] ^= bit;
	}
}

TEST(damage, a_mark_of_another_kind_or_another_journal_does_not_count)
{
	uint8_t block[BLOCK];
	uint64_t image_modified;

	journal_encode_mark(JOURNAL_APPLIED, 7, 0, block);
	ck_assert(!journal_decode_mark(JOURNAL_DONE, 7, block, &image_modified));
	ck_assert(!journal_decode_mark(JOURNAL_APPLIED, 8, block, &image_modified));
}

TEST(format, marks_are_seen_in_the_file)
{
	struct journal_file *file;
	struct fixture fixture;
	struct bs_error err;
	bool marks[3];

	fixture_open(&fixture);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(journal_file_open(fixture.path, &file, &err), 0);
	ck_assert_int_eq(journal_file_open_marks(file, fixture.path, &transaction_real_io, &err),
			 0);
	ck_assert_int_eq(journal_file_mark(file, JOURNAL_UNDOING, 0, &err), 0);
	ck_assert(journal_file_is_marked(file, JOURNAL_UNDOING));
	ck_assert(!journal_file_is_marked(file, JOURNAL_DONE));
	journal_file_close(file);
	ck_assert_int_eq(validate(&fixture, marks), BS_OK);
	ck_assert(!marks[0] && marks[1] && !marks[2]);
	fixture_close(&fixture);
}

TEST(damage_anywhere, a_cut_at_every_length_is_seen)
{
	struct fixture fixture;
	bool marks[3];

	fixture_open(&fixture);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	for (size_t length = JOURNAL_SIZE; length-- > 0;) {
		ck_assert_int_eq(ftruncate(fixture.descriptor, (off_t)length), 0);
		ck_assert_msg(validate(&fixture, marks) == BS_JOURNAL_DAMAGED, "length %zu",
			      length);
	}
	fixture_close(&fixture);
}

TEST(damage, bytes_behind_the_trailer_are_seen)
{
	uint8_t longer[JOURNAL_SIZE + BLOCK] = {0};
	struct fixture fixture;
	bool marks[3];

	fixture_open(&fixture);
	memcpy(longer, fixture.bytes, JOURNAL_SIZE);
	fixture_write(&fixture, longer, sizeof(longer));
	ck_assert_int_eq(validate(&fixture, marks), BS_JOURNAL_DAMAGED);
	fixture_close(&fixture);
}

TEST(damage, records_that_changed_places_are_seen)
{
	struct fixture fixture;
	uint8_t block[BLOCK];
	bool marks[3];

	fixture_open(&fixture);
	memcpy(block, fixture.bytes + 4 * BLOCK, BLOCK);
	memmove(fixture.bytes + 4 * BLOCK, fixture.bytes + 5 * BLOCK, BLOCK);
	memcpy(fixture.bytes + 5 * BLOCK, block, BLOCK);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	ck_assert_int_eq(validate(&fixture, marks), BS_JOURNAL_DAMAGED);
	fixture_close(&fixture);
}

/*
 * Replaces one record and corrects the checksums, so that only the meaning of the record is wrong.
 */
static enum bs_code validate_with_record(uint32_t index, struct journal_range range,
					 uint32_t other_journal)
{
	uint8_t before[4096] = {0}, after[4096] = {0};
	struct journal_trailer trailer = {
		.record_count = RECORDS, .data_bytes = 0, .journal_size = JOURNAL_SIZE};
	struct fixture fixture;
	bool marks[3];
	enum bs_code code;

	fixture_open(&fixture);
	const struct journal_header header = {.piece_size = JOURNAL_PIECE_SIZE,
					      .identity = fixture.identity ^ other_journal};

	journal_encode_record(&header, &range, index, before, after,
			      fixture.bytes + (4 + index) * BLOCK);
	for (uint32_t i = 0; i < RECORDS; i++) {
		const uint8_t *record = fixture.bytes + (4 + i) * BLOCK;

		trailer.records_checksum = crc32c(trailer.records_checksum, record + 12, 4);
		if (load_le32(record + 8) == JOURNAL_DATA)
			trailer.data_bytes += load_le64(record + 32);
	}
	journal_encode_trailer(&trailer, fixture.identity, fixture.bytes + JOURNAL_SIZE - BLOCK);
	fixture_write(&fixture, fixture.bytes, JOURNAL_SIZE);
	code = validate(&fixture, marks);
	fixture_close(&fixture);
	return code;
}

static enum bs_code validate_with(uint32_t index, struct journal_range range)
{
	return validate_with_record(index, range, 0);
}

TEST(damage, a_record_of_another_journal_is_seen)
{
	ck_assert_int_eq(validate_with_record(1, ranges[1], 0), BS_OK);
	ck_assert_int_eq(validate_with_record(1, ranges[1], 1), BS_JOURNAL_DAMAGED);
}

TEST(damage, records_out_of_bounds_or_order_are_refused)
{
	ck_assert_int_eq(validate_with(1, (struct journal_range){JOURNAL_HOLE, 8192, 4096}), BS_OK);
	ck_assert_int_eq(validate_with(1, (struct journal_range){JOURNAL_HOLE, 1024, 4096}),
			 BS_JOURNAL_DAMAGED); /* overlaps the first */
	ck_assert_int_eq(validate_with(1, (struct journal_range){JOURNAL_HOLE, 0, 512}),
			 BS_JOURNAL_DAMAGED); /* before the first */
	ck_assert_int_eq(validate_with(1, (struct journal_range){JOURNAL_HOLE, 16000, 512}),
			 BS_JOURNAL_DAMAGED); /* a hole after the old end */
	ck_assert_int_eq(validate_with(2, (struct journal_range){JOURNAL_BEYOND, 16000, 512}),
			 BS_JOURNAL_DAMAGED); /* before and beyond the old end */
	ck_assert_int_eq(validate_with(2, (struct journal_range){JOURNAL_BEYOND, 16384, 4096}),
			 BS_JOURNAL_DAMAGED); /* past the new end */
	ck_assert_int_eq(validate_with(0, (struct journal_range){JOURNAL_GUARD, 0, 512}),
			 BS_JOURNAL_DAMAGED); /* a guard before the others */
}

/* The checksum of the header fits, so that only its meaning is wrong. */
static void assert_header_refused(const struct journal_header *wrong)
{
	struct journal_header header = *wrong;
	struct bs_error err = {BS_OK, ""};
	uint8_t block[BLOCK];

	journal_encode_header(&header, block);
	ck_assert_int_eq(journal_decode_header(block, &header, &err), -1);
	ck_assert_int_eq(err.code, BS_JOURNAL_DAMAGED);
	ck_assert_msg(strstr(err.message, "contradicts itself") != NULL, "%s", err.message);
}

#define ASSERT_REFUSED_WITH(field, value)                                                          \
	do {                                                                                       \
		wrong = good;                                                                      \
		wrong.field = (value);                                                             \
		assert_header_refused(&wrong);                                                     \
	} while (0)

TEST(damage, a_header_that_contradicts_itself_is_refused)
{
	struct journal_header good, wrong;
	uint8_t bytes[JOURNAL_SIZE];
	struct bs_error err;

	build(bytes);
	ck_assert_int_eq(journal_decode_header(bytes, &good, &err), 0);
	ASSERT_REFUSED_WITH(record_count, RECORDS + 1); /* more than there are blocks for */
	ASSERT_REFUSED_WITH(record_count, UINT64_MAX);
	ASSERT_REFUSED_WITH(journal_size, JOURNAL_SIZE + 1);
	ASSERT_REFUSED_WITH(journal_size, 4 * BLOCK); /* no trailer */
	ASSERT_REFUSED_WITH(journal_size, 1ull << 63);
	ASSERT_REFUSED_WITH(old_length, good.new_length + 1);
	ASSERT_REFUSED_WITH(new_length, 1ull << 63);
	ASSERT_REFUSED_WITH(tool_version[sizeof(good.tool_version) - 1], 'x');
	ASSERT_REFUSED_WITH(image_name[sizeof(good.image_name) - 1], 'x');
}

TEST(damage, a_version_from_the_future_is_refused)
{
	struct journal_header header;
	struct fixture fixture;
	struct bs_error err;

	fixture_open(&fixture);
	store_le32(fixture.bytes + 16, 3);
	store_le32(fixture.bytes + BLOCK - 4, crc32c(0, fixture.bytes, BLOCK - 4));
	ck_assert_int_lt(journal_decode_header(fixture.bytes, &header, &err), 0);
	ck_assert_int_eq(err.code, BS_JOURNAL_DAMAGED);
	ck_assert(strstr(err.message, "version 3"));
	fixture_close(&fixture);
}

TEST(format, pieces_follow_the_grid_of_the_image)
{
	struct journal_range range = {JOURNAL_DATA, 1000, 600}, piece;

	ck_assert_uint_eq(journal_piece_count(&range, 512), 3);
	piece = journal_piece(&range, 512, 0);
	ck_assert_uint_eq(piece.offset, 1000);
	ck_assert_uint_eq(piece.length, 24);
	piece = journal_piece(&range, 512, 1);
	ck_assert_uint_eq(piece.offset, 1024);
	ck_assert_uint_eq(piece.length, 512);
	piece = journal_piece(&range, 512, 2);
	ck_assert_uint_eq(piece.offset, 1536);
	ck_assert_uint_eq(piece.length, 64);
}

TEST(format, the_longest_record_fits_the_buffer)
{
	struct journal_range range = {JOURNAL_DATA, 511, JOURNAL_RANGE_MAX};
	uint8_t *bytes = calloc(1, JOURNAL_RANGE_MAX), *record = malloc(JOURNAL_RECORD_MAX);
	const struct journal_header header = {.piece_size = JOURNAL_PIECE_SIZE, .identity = 1};
	struct journal_record decoded;
	struct bs_error err;
	size_t size;

	ck_assert_uint_le(journal_record_size(&range, JOURNAL_PIECE_SIZE), JOURNAL_RECORD_MAX);
	journal_encode_record(&header, &range, 0, bytes, bytes, record);
	ck_assert_int_eq(journal_peek_record(&header, record, &size, &err), 0);
	ck_assert_int_eq(journal_decode_record(&header, record, size, &decoded, &err), 0);
	free(bytes);
	free(record);
}
