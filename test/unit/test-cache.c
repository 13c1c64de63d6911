/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache returns the bytes of the disk below, and reads that disk less often. */
#include "disk/cache.h"
#include "unit/memory-disk.h"

#define BLOCK  CACHE_BLOCK_SIZE
#define SIZE   (100 * BLOCK + 1000)           /* more than fits, and an odd end */
#define STRIDE ((uint64_t)CACHE_SETS * BLOCK) /* from one block to the next of the same set */

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

TEST(cache_tests, the_block_not_used_for_longest_gives_way)
{
	for (uint64_t way = 0; way < CACHE_WAYS; way++)
		assert_reads(way * STRIDE, 1);
	assert_reads(0, 1);
	assert_reads(CACHE_WAYS * STRIDE, 1);
	ck_assert_uint_eq(memory->reads, CACHE_WAYS + 1);
	assert_reads(0, 1);
	ck_assert_uint_eq(memory->reads, CACHE_WAYS + 1);
	assert_reads(STRIDE, 1);
	ck_assert_uint_eq(memory->reads, CACHE_WAYS + 2);
}

TEST(cache_tests, a_long_read_passes_by_the_cache)
{
	assert_reads(0, 8 * BLOCK);
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
	memory->bytes[0] ^= 1; /* the write got half way */
	assert_reads(0, 1);
}

TEST(cache_tests, a_failed_read_is_not_remembered)
{
	struct bs_error err;
	uint8_t byte;

	for (uint64_t way = 0; way < CACHE_WAYS; way++)
		assert_reads(way * STRIDE, 1);
	memory->failure = BS_IO;
	ck_assert_int_eq(disk_read(cache, CACHE_WAYS * STRIDE, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	memory->failure = BS_OK;
	memory->bytes[CACHE_WAYS * STRIDE] ^= 1;
	assert_reads(0, 1); /* whose line was to be filled by the read that failed */
	assert_reads(CACHE_WAYS * STRIDE, 1);
}

TEST_LOOP(cache_tests, random_reads_and_writes_are_those_of_the_disk, 0, 5)
{
	struct bs_error err;
	unsigned seed = (unsigned)_i;
	static uint8_t bytes[3 * BLOCK];

	for (int step = 0; step < 3000; step++) {
		size_t length = (size_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 5000 : sizeof(bytes));
		uint64_t offset = (uint64_t)rand_r(&seed) % (SIZE - length);

		if (rand_r(&seed) % 2) {
			assert_reads(offset, length);
			continue;
		}
		memset(bytes, rand_r(&seed), length);
		ck_assert_int_eq(disk_write(cache, offset, bytes, length, &err), 0);
		ck_assert_mem_eq(memory->bytes + offset, bytes, length);
	}
}
