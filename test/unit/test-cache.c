/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache returns the bytes of the disk below, and reads that disk less often. */
#include <stdlib.h>

#include "disk/cache.h"
#include "unit/memory-disk.h"

#define BLOCK CACHE_BLOCK_SIZE
#define LONG  CACHE_AHEAD_MAX
#define SIZE  (24 * LONG + 1000) /* more than the cache holds, with an odd end */
#define APART (2ull * BLOCK)     /* reads at this distance are not in order */

static struct memory_disk *memory;
static struct disk *cache;

static void setup(void)
{
	struct bs_error err;

	memory = memory_disk_open(SIZE);
	cache = cache_open(&memory->disk, &err);
	ck_assert_ptr_nonnull(cache);
}

static void teardown(void)
{
	disk_close(cache);
	disk_close(&memory->disk);
}

static void assert_reads(uint64_t offset, size_t length)
{
	struct bs_error err;
	uint8_t *found = malloc(length);

	ck_assert_int_eq(disk_read(cache, offset, found, length, &err), 0);
	ck_assert_mem_eq(found, memory->bytes + offset, length);
	free(found);
}

TEST_CASE(cache_tests, "cache", .setup = setup, .teardown = teardown);

TEST(cache_tests, small_reads_of_a_block_ask_the_disk_once)
{
	for (uint64_t offset = 0; offset < BLOCK; offset += 1024)
		assert_reads(offset, 1024);
	ck_assert_uint_eq(memory->reads, 1);
	assert_reads(BLOCK - 100, 200);
	ck_assert_uint_eq(memory->reads, 2);
}

TEST(cache_tests, the_disks_last_short_block_is_cached_too)
{
	assert_reads(SIZE - 1000, 1000);
	assert_reads(SIZE - 1, 1);
	ck_assert_uint_eq(memory->reads, 1);
}

TEST(cache_tests, reads_in_order_become_few_and_long)
{
	for (uint64_t offset = 0; offset < 8 * LONG; offset += 4096)
		assert_reads(offset, 4096);
	ck_assert_uint_eq(memory->reads, 4 + 8); /* 1, 2, 4, 8 blocks, and then 16 each time */
}

TEST(cache_tests, scattered_reads_stay_short)
{
	for (uint64_t i = 0; i < 100; i++)
		assert_reads(i * APART, 1024);
	ck_assert_uint_eq(memory->reads, 100);
	ck_assert_uint_eq(memory->bytes_read, 100 * BLOCK);
}

/* Reads a little of each block: what is read ahead is no more than what was asked for. */
TEST(cache_tests, reads_with_gaps_read_little_ahead)
{
	for (uint64_t offset = 0; offset < SIZE - 1000; offset += BLOCK)
		assert_reads(offset, 1000);
	ck_assert_uint_eq(memory->bytes_read, SIZE - 1000);
	ck_assert_uint_eq(memory->reads, SIZE / BLOCK);
}

TEST(cache_tests, what_is_read_ahead_ends_before_what_the_cache_has)
{
	assert_reads(3 * BLOCK, 1);
	assert_reads(0, BLOCK);
	assert_reads(BLOCK, 2 * BLOCK + 1);
	ck_assert_uint_eq(memory->bytes_read, 4 * BLOCK);
}

TEST(cache_tests, the_piece_not_used_for_longest_gives_way)
{
	for (uint64_t i = 0; i < CACHE_SHORT_PIECES; i++)
		assert_reads(i * APART, 1);
	assert_reads(0, 1);
	assert_reads(CACHE_SHORT_PIECES * APART, 1);
	ck_assert_uint_eq(memory->reads, CACHE_SHORT_PIECES + 1);
	assert_reads(0, 1);
	ck_assert_uint_eq(memory->reads, CACHE_SHORT_PIECES + 1);
	assert_reads(APART, 1);
	ck_assert_uint_eq(memory->reads, CACHE_SHORT_PIECES + 2);
}

TEST(cache_tests, content_does_not_replace_metadata)
{
	assert_reads(23 * LONG, 1);
	for (uint64_t offset = 0; offset < 20 * LONG; offset += LONG / 2)
		assert_reads(offset, LONG / 2);
	memory->reads = 0;
	assert_reads(23 * LONG, 1);
	ck_assert_uint_eq(memory->reads, 0);
}

TEST(cache_tests, a_long_read_passes_by_the_cache)
{
	assert_reads(0, LONG);
	ck_assert_uint_eq(memory->reads, 1);
	assert_reads(0, 1);
	ck_assert_uint_eq(memory->reads, 2);
}

TEST(cache_tests, a_write_goes_through_and_shows_in_the_cache)
{
	struct bs_error err;
	uint8_t bytes[300];

	memset(bytes, 0xee, sizeof(bytes));
	assert_reads(0, 1);
	ck_assert_int_eq(disk_write(cache, BLOCK - 100, bytes, sizeof(bytes), &err), 0);
	ck_assert_mem_eq(memory->bytes + BLOCK - 100, bytes, sizeof(bytes));
	assert_reads(BLOCK - 100, 300);
	ck_assert_int_eq(disk_flush(cache, &err), 0);
	ck_assert_uint_eq(memory->flushes, 1);
}

TEST(cache_tests, a_failed_write_makes_the_cache_read_again)
{
	struct bs_error err;

	assert_reads(0, 1);
	memory->failure = BS_IO;
	ck_assert_int_eq(disk_write(cache, 0, "x", 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	memory->failure = BS_OK;
	memory->bytes[0] ^= 1; /* the write was half done */
	assert_reads(0, 1);
}

TEST(cache_tests, a_failed_read_is_not_remembered)
{
	struct bs_error err;
	uint8_t byte;

	for (uint64_t i = 0; i < CACHE_SHORT_PIECES; i++)
		assert_reads(i * APART, 1);
	memory->failure = BS_IO;
	ck_assert_int_eq(disk_read(cache, CACHE_SHORT_PIECES * APART, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	memory->failure = BS_OK;
	memory->bytes[CACHE_SHORT_PIECES * APART] ^= 1;
	assert_reads(0, 1); /* the read that failed should have filled this place */
	assert_reads(CACHE_SHORT_PIECES * APART, 1);
}

TEST_LOOP(cache_tests, random_reads_and_writes_are_those_of_the_disk, 0, 5)
{
	struct bs_error err;
	unsigned seed = (unsigned)_i;
	uint8_t *bytes = malloc(2 * LONG);

	for (int step = 0; step < 3000; step++) {
		size_t length = (size_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 5000 : 2 * LONG);
		uint64_t offset = (uint64_t)rand_r(&seed) % (SIZE - length);

		if (rand_r(&seed) % 2) {
			assert_reads(offset, length);
			continue;
		}
		memset(bytes, rand_r(&seed), length);
		ck_assert_int_eq(disk_write(cache, offset, bytes, length, &err), 0);
		ck_assert_mem_eq(memory->bytes + offset, bytes, length);
	}
	free(bytes);
}

TEST(cache_tests, a_bad_sector_elsewhere_in_a_piece_does_not_matter)
{
	struct bs_error err;
	uint8_t byte;

	memory->bad = 1000;
	assert_reads(0, 1000);
	assert_reads(1001, 1000);
	ck_assert_int_eq(disk_read(cache, 1000, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
}
