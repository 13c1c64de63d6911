/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of $MFT with their exact bytes, run lists and attribute lists; and records with wrong
 * sizes, offsets and run lists.
 */
#include "support/test.h"
#include <stdlib.h>
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */

#include "ntfs/mft-record.h"
#include "ntfs/ntfs-check.h"
#include "util/bytes.h"

#define SIZE 1024u

/* clang-format off */
static const uint8_t header[] = {
	'F', 'I', 'L', 'E',
	0x30, 0, 3, 0,                      /* the fix-ups: at 0x30, three numbers */
	0, 0, 0, 0, 0, 0, 0, 0,             /* place in $LogFile */
	7, 0, 1, 0,                         /* use count, number of names */
	0x38, 0, 1, 0,                      /* first attribute, in use */
	0xE0, 0, 0, 0, 0, 4, 0, 0,          /* bytes in use, bytes allocated */
	0, 0, 0, 0, 0, 0, 0, 0,             /* base record: none */
	4, 0, 0, 0, 42, 0, 0, 0,            /* next attribute's id, number */
	0xA5, 0x5A, 0x11, 0x12, 0x21, 0x22, /* the fix-ups */
};

static const uint8_t attributes[] = {
	/* 0x38: STANDARD_INFORMATION, resident, 48 bytes */
	0x10, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x30, 0, 0, 0, 0x18, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 0x80: DATA "ab", not resident, clusters 0 to 10 of it */
	0x80, 0, 0, 0, 0x58, 0, 0, 0, 1, 2, 0x40, 0, 0, 0, 1, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0,
	0x48, 0, 0, 0, 0, 0, 0, 0,
	0, 0xB0, 0, 0, 0, 0, 0, 0,          /* allocated: 11 clusters of 4096 bytes */
	0x01, 0xA0, 0, 0, 0, 0, 0, 0,       /* size */
	0x01, 0x90, 0, 0, 0, 0, 0, 0,       /* initialised */
	'a', 0, 'b', 0, 0, 0, 0, 0,
	/* three clusters at 0x200, four of a hole, four at 0x200 - 0x80 */
	0x21, 3, 0x00, 0x02, 0x01, 4, 0x11, 4, 0x80, 0, 0, 0, 0, 0, 0, 0,
	/* 0xD8: the end */
	0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0,
};
/* clang-format on */

#define DATA_AT 0x80u

static const struct ntfs_geometry geometry = {
	.cluster_size = 4096, .clusters = 10000, .record_size = SIZE, .mft = 1 << 20};

static uint8_t bytes[SIZE];

static void make(void)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + 0x38, attributes, sizeof(attributes));
	memcpy(bytes + 510, "\xA5\x5A", 2);
	memcpy(bytes + 1022, "\xA5\x5A", 2);
}

TEST_CASE(mft_record_tests, "mft-record", .setup = make);

TEST(mft_record_tests, a_record_is_taken_apart)
{
	struct mft_record record;
	struct mft_attribute attribute;

	ck_assert(mft_record_is_file(bytes) && mft_record_is_in_use(bytes));
	ck_assert_ptr_null(mft_record_open(&record, bytes, SIZE));
	ck_assert_uint_eq(record.base, 0);
	ck_assert_mem_eq(bytes + 510, "\x11\x12", 2);
	ck_assert_mem_eq(bytes + 1022, "\x21\x22", 2);
	ck_assert(mft_record_next(&record, &attribute));
	ck_assert(attribute.is_resident);
	ck_assert(mft_attribute_is(&attribute, MFT_STANDARD_INFORMATION, ""));
	ck_assert_uint_eq(attribute.value_length, 48);
	ck_assert_ptr_eq(attribute.value, bytes + 0x50);
	ck_assert(mft_record_next(&record, &attribute));
	ck_assert(!attribute.is_resident);
	ck_assert(mft_attribute_is(&attribute, MFT_DATA, "ab"));
	ck_assert(!mft_attribute_is(&attribute, MFT_DATA, "a"));
	ck_assert(!mft_attribute_is(&attribute, MFT_DATA, "ac"));
	ck_assert_uint_eq(attribute.first_cluster, 0);
	ck_assert_uint_eq(attribute.last_cluster, 10);
	ck_assert_uint_eq(attribute.allocated, 0xB000);
	ck_assert_uint_eq(attribute.size, 0xA001);
	ck_assert_uint_eq(attribute.initialized, 0x9001);
	ck_assert(!mft_record_next(&record, &attribute));
}

TEST(mft_record_tests, a_run_list_is_taken_apart)
{
	struct mft_record record;
	struct mft_attribute attribute;
	struct mft_runs runs;
	struct range run;

	ck_assert_ptr_null(mft_record_open(&record, bytes, SIZE));
	ck_assert(mft_record_next(&record, &attribute) && mft_record_next(&record, &attribute));
	mft_runs_open(&runs, &attribute);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN);
	ck_assert_uint_eq(run.offset, 0x200);
	ck_assert_uint_eq(run.length, 3);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN_HOLE);
	ck_assert_uint_eq(run.length, 4);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN);
	ck_assert_uint_eq(run.offset, 0x180);
	ck_assert_uint_eq(run.length, 4);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN_END);
}

/* A pair of a run list, and its decoded run. */
static const struct {
	const char *bytes;
	size_t length;
	enum mft_run_kind kind;
	uint64_t first, clusters;
} pairs[] = {
	{"", 0, MFT_RUN_END, 0, 0},
	{"\0", 1, MFT_RUN_END, 0, 0},
	{"\x11\x01\x7F", 3, MFT_RUN, 127, 1},
	{"\x12\xFF\x7F\x01", 4, MFT_RUN, 1, 0x7FFF},
	{"\x88\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0", 17, MFT_RUN, 2, 1},
	{"\x11\x01\xFF", 3, MFT_RUN_HOLE, 0, 1},    /* at -1, as NT 4 wrote holes */
	{"\x11\x01\xFE", 3, MFT_RUN_DAMAGED, 0, 0}, /* at -2 */
	{"\x11\x00\x01", 3, MFT_RUN_DAMAGED, 0, 0}, /* no cluster */
	{"\x11\xFF\x01", 3, MFT_RUN_DAMAGED, 0, 0}, /* -1 clusters */
	{"\x10\x01", 2, MFT_RUN_DAMAGED, 0, 0},     /* a length of no bytes */
	{"\x19\0\0\0\0\0\0\0\0\0\0", 11, MFT_RUN_DAMAGED, 0, 0},
	{"\x91\x01\0\0\0\0\0\0\0\0\0", 11, MFT_RUN_DAMAGED, 0, 0},
	{"\x11\x01", 2, MFT_RUN_DAMAGED, 0, 0}, /* cut off */
	{"\x18\0\0\0\0\0\0\0\x80\x01", 10, MFT_RUN_DAMAGED, 0, 0},
};

TEST_EACH(mft_record_tests, each_kind_of_run_is_known, pairs)
{
	/* A block of exactly that length, so that a sanitizer sees a read beyond it. */
	uint8_t *list = malloc(pairs[_i].length + 1);
	struct mft_attribute attribute = {.pairs = list, .pairs_length = pairs[_i].length};
	struct range run = {0};
	struct mft_runs runs;

	memcpy(list, pairs[_i].bytes, pairs[_i].length);
	mft_runs_open(&runs, &attribute);
	ck_assert_int_eq(mft_runs_next(&runs, &run), pairs[_i].kind);
	if (pairs[_i].kind == MFT_RUN)
		ck_assert_uint_eq(run.offset, pairs[_i].first);
	if (pairs[_i].clusters != 0)
		ck_assert_uint_eq(run.length, pairs[_i].clusters);
	free(list);
}

TEST(mft_record_tests, run_lists_do_not_overflow)
{
	static const uint8_t list[] = {0x81, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F,
				       0x81, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
	struct mft_attribute attribute = {.pairs = list, .pairs_length = sizeof(list)};
	struct range run;
	struct mft_runs runs;

	mft_runs_open(&runs, &attribute);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN);
	ck_assert_uint_eq(run.offset, INT64_MAX);
	ck_assert_int_eq(mft_runs_next(&runs, &run), MFT_RUN_DAMAGED);
}

TEST(mft_record_tests, an_attribute_list_is_taken_apart)
{
	/*
	 * DATA from cluster 0 on in record 5 (use count 2), and from cluster 16 on in record
	 * 0x123456.
	 */
	static const uint8_t list[] = {
		0x80, 0, 0,    0,    0x20, 0,    0,    0x1A, 0, 0,    0,  0, 0, 0, 0,
		0,    5, 0,    0,    0,    0,    0,    2,    0, 0,    0,  0, 0, 0, 0,
		0,    0, 0x80, 0,    0,    0,    0x1A, 0,    0, 0x1A, 16, 0, 0, 0, 0,
		0,    0, 0,    0x56, 0x34, 0x12, 0,    0,    0, 1,    0,  0, 0,
	};
	size_t offset = 0;
	uint64_t reference;

	ck_assert(mft_list_next(list, sizeof(list), &offset, &reference));
	ck_assert_uint_eq(MFT_NUMBER(reference), 5);
	ck_assert(mft_list_next(list, sizeof(list), &offset, &reference));
	ck_assert_uint_eq(MFT_NUMBER(reference), 0x123456);
	ck_assert(!mft_list_next(list, sizeof(list), &offset, &reference));
	ck_assert_uint_eq(offset, sizeof(list));
	offset = 32; /* the second entry is cut off */
	ck_assert(!mft_list_next(list, sizeof(list) - 1, &offset, &reference));
	ck_assert_uint_eq(offset, 32);
}

/* One entry of 32 bytes, with a name of two characters.  The array has room for a longer one. */
TEST(mft_record_tests, an_entry_of_an_attribute_list_has_room_for_itself_and_its_name)
{
	static const struct {
		uint8_t length, name_length, name;
		bool fits;
	} entries[] = {{32, 2, 26, true},  {32, 0, 255, true}, {32, 3, 26, true},
		       {32, 4, 26, false}, {32, 1, 32, false}, {26, 0, 26, true},
		       {25, 0, 26, false}, {0, 0, 26, false}};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		uint8_t list[64] = {0x80, [4] = entries[i].length, [6] = entries[i].name_length,
				    [7] = entries[i].name, [16] = 5};
		size_t offset = 0;
		uint64_t reference;

		ck_assert_msg(mft_list_next(list, sizeof(list), &offset, &reference) ==
				      entries[i].fits,
			      "case %zu", i);
		ck_assert_uint_eq(offset, entries[i].fits ? entries[i].length : 0);
	}
}

/* ---- checks -------------------------------------------------------------------------------- */

static void assert_sound(void)
{
	struct mft_record record;
	struct bs_error err = {0};

	ck_assert_msg(ntfs_check_record(&geometry, bytes, UINT64_MAX, &record, &err) == 0, "%s",
		      err.message);
}

static void assert_damaged(const char *words)
{
	struct mft_record record;
	struct bs_error err = {0};

	ck_assert_int_eq(ntfs_check_record(&geometry, bytes, UINT64_MAX, &record, &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
	ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
}

TEST(mft_record_tests, a_sound_record_passes)
{
	assert_sound();
}

/* Changed bytes, and the error that the check of the record then reports. */
static const struct {
	size_t at;
	const char *bytes;
	size_t length;
	const char *words;
} damages[] = {
	{510, "\xA6", 1, "only a part of it was written"},
	{4, "\x31", 1, "only a part of it was written"}, /* fix-ups at an odd place */
	{5, "\x02", 1, "only a part of it was written"}, /* after the first sector */
	{6, "\x02", 1, "only a part of it was written"}, /* wrong size */
	{0x14, "\x08", 1, "its sizes do not fit"},
	{0x1A, "\x01", 1, "its sizes do not fit"},
	{0x18, "\xD8", 1, "one of its attributes does not fit"}, /* no end mark */
	{0x3C, "\x00\x00", 2, "one of its attributes does not fit"},
	{0x3C, "\x08", 1, "one of its attributes does not fit"},
	{0x3D, "\x10", 1, "one of its attributes does not fit"},
	{0x48, "\x31", 1,
	 "one of its attributes does not fit"}, /* value longer than its attribute */
	{0x4C, "\xFF\xFF", 2, "one of its attributes does not fit"},
	{0x48, "\x2F", 1, "its times are cut off"},
	{DATA_AT + 9, "\xFF", 1, "one of its attributes does not fit"}, /* name */
	{DATA_AT + 10, "\x57", 1, "one of its attributes does not fit"},
	{DATA_AT + 32, "\x59", 1, "one of its attributes does not fit"}, /* run list */
	{DATA_AT + 32, "\x10", 1, "one of its attributes does not fit"},
	{DATA_AT + 0x48, "\x19", 1, "leads out of the volume"},
	{DATA_AT + 0x4A, "\x00\x70", 2, "leads out of the volume"},
	{DATA_AT + 24, "\x09", 1, "is longer than the record says"},
	{DATA_AT + 40, "\x00\xA0", 2, "contradict each other"}, /* allocated < size */
	{DATA_AT + 56, "\x02\xA0", 2, "contradict each other"}, /* initialised > size */
	{DATA_AT + 47, "\xFF", 1, "contradict each other"},     /* allocated < 0 */
	{DATA_AT + 44, "\x01", 1, "larger than the volume"},
};

TEST_EACH(mft_record_tests, what_does_not_fit_is_noticed, damages)
{
	memcpy(bytes + damages[_i].at, damages[_i].bytes, damages[_i].length);
	assert_damaged(damages[_i].words);
	ck_assert_uint_lt(damages[_i].at, SIZE);
}

/* Both attributes become one, with a name of 20 characters. */
TEST_LOOP(mft_record_tests, a_name_ends_within_its_attribute, 0, 2)
{
	store_le32(bytes + 0x38, MFT_FILE_NAME);
	store_le32(bytes + 0x3C, 0xA0);
	store_le32(bytes + 0x48, FILE_NAME_TEXT + 2 * 20 - (uint32_t)_i);
	bytes[0x50 + FILE_NAME_LENGTH] = 20;
	if (_i == 0)
		assert_sound();
	else
		assert_damaged("one of its names is cut off");
}

/* A sparse stream may have a size larger than the volume. */
TEST(mft_record_tests, a_sparse_stream_may_be_long)
{
	bytes[DATA_AT + 13] = 0x80;
	bytes[DATA_AT + 46] = 1;
	assert_sound();
}

/* The metadata files of the volume must not be sparse. */
TEST(mft_record_tests, metadata_is_not_sparse)
{
	bytes[0x2C] = 0;
	bytes[DATA_AT + 13] = 0x80;
	bytes[DATA_AT + 46] = 1;
	assert_damaged("$MFT is damaged: its size is larger than the volume");
}

/* The stream of bad clusters is not marked as sparse, but it may be as long as the volume. */
TEST(mft_record_tests, the_stream_of_bad_clusters_may_be_as_long_as_the_volume)
{
	bytes[0x2C] = MFT_RECORD_BAD_CLUSTERS;
	bytes[DATA_AT + 46] = 1;
	assert_sound();
}

TEST(mft_record_tests, only_content_may_be_sparse)
{
	bytes[DATA_AT] = MFT_BITMAP;
	bytes[DATA_AT + 13] = 0x80;
	bytes[DATA_AT + 46] = 1;
	assert_damaged("larger than the volume");
}

/* The stream becomes the unnamed stream of record 6.  10000 clusters need 1250 bytes. */
TEST_LOOP(mft_record_tests, the_bitmap_has_a_bit_for_each_cluster, 0, 2)
{
	bytes[0x2C] = MFT_RECORD_BITMAP;
	bytes[DATA_AT + 9] = 0;
	store_le64(bytes + DATA_AT + 48, _i == 0 ? 1250 : 1249);
	store_le64(bytes + DATA_AT + 56, 1249);
	if (_i == 0)
		assert_sound();
	else
		assert_damaged("$Bitmap is damaged: its size does not fit the number of clusters");
}

TEST(mft_record_tests, a_record_is_named_by_its_number)
{
	bytes[510] ^= 1;
	assert_damaged("file record 42 is damaged");
}

TEST(mft_record_tests, reads_are_checked_wherever_a_record_or_an_index_block_begins)
{
	static uint8_t read[4 * SIZE];
	struct bs_error err = {0};

	for (size_t i = 0; i < 4; i++)
		memcpy(read + i * SIZE, bytes, SIZE);
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, read, sizeof(read), &err), 0);
	read[2 * SIZE + 510] ^= 1;
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, read, sizeof(read), &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "$LogFile is damaged"));
	/* A record that is not in use may have any content. */
	read[2 * SIZE + 22] = 0;
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, read, sizeof(read), &err), 0);
	/* Other bytes of that record may have any value too. */
	read[0] = 'f';
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, read, sizeof(read), &err), 0);
	memcpy(read, "INDX", 4);
	ck_assert_int_eq(ntfs_check_read(&geometry, 0, read, sizeof(read), &err), -1);
	ck_assert_int_eq(err.code, BS_NTFS_DAMAGED);
}

/* Such as the first bytes of a stream that look like a record. */
TEST(mft_record_tests, a_read_that_is_shorter_than_a_record_or_a_block_is_no_record_and_no_block)
{
	struct bs_error err = {0};

	bytes[510] ^= 1;
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, bytes, SIZE, &err), -1);
	ck_assert_int_eq(ntfs_check_read(&geometry, geometry.mft, bytes, SIZE - 1, &err), 0);
	memcpy(bytes, "INDX", 4);
	ck_assert_int_eq(ntfs_check_read(&geometry, 0, bytes, 512, &err), -1);
	ck_assert_int_eq(ntfs_check_read(&geometry, 0, bytes, 511, &err), 0);
}

/* ---- geometry ------------------------------------------------------------------------------ */

static uint8_t sector[512];

static void make_sector(void)
{
	memset(sector, 0, sizeof(sector));
	store_le16(sector + 0x0B, 512);
	sector[0x0D] = 8;
	store_le64(sector + 0x28, 80007);
	store_le64(sector + 0x30, 4);
	sector[0x40] = 0xF6;
}

TEST(mft_record_tests, a_boot_record_tells_the_sizes)
{
	struct ntfs_geometry own;

	make_sector();
	ck_assert(ntfs_geometry_read(sector, &own));
	ck_assert_uint_eq(own.cluster_size, 4096);
	ck_assert_uint_eq(own.clusters, 10000);
	ck_assert_uint_eq(own.record_size, 1024);
	ck_assert_uint_eq(own.mft, 16384);
	sector[0x40] = 1;                             /* in clusters */
	sector[0x0D] = 0xF4;                          /* 2^12 sectors */
	ck_assert(!ntfs_geometry_read(sector, &own)); /* records of 2 MiB */
	sector[0x40] = 0xF6;
	ck_assert(ntfs_geometry_read(sector, &own));
	ck_assert_uint_eq(own.cluster_size, 2 << 20);
}

TEST(mft_record_tests, a_file_table_behind_the_last_cluster_makes_no_sense)
{
	struct ntfs_geometry own;

	make_sector();
	store_le64(sector + 0x30, 9999);
	ck_assert(ntfs_geometry_read(sector, &own));
	store_le64(sector + 0x30, 10000);
	ck_assert(!ntfs_geometry_read(sector, &own));
}

TEST(mft_record_tests, a_boot_record_that_makes_no_sense_tells_nothing)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {{0x0B, 1}, {0x0C, 0}, {0x0D, 0}, {0x0D, 3},    {0x0D, 0x90}, {0x2F, 0xFF},
		     {0x37, 1}, {0x40, 0}, {0x40, 3}, {0x40, 0xF8}, {0x40, 0x80}};
	struct ntfs_geometry own;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_sector();
		sector[wrong[i].at] = wrong[i].byte;
		ck_assert_msg(!ntfs_geometry_read(sector, &own), "case %zu", i);
	}
}
