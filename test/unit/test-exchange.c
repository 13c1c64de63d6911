/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/exchange.h"
#include "support/test.h"
#include "unit/memory-disk.h"

#define SIZE  4096u
#define BELOW 1000u

static struct disk *exchange;
static struct memory_disk *below;
static struct bs_error err;

static void setup(void)
{
	exchange = exchange_open(SIZE, &err);
	ck_assert_ptr_nonnull(exchange);
	below = memory_disk_open(BELOW);
	memset(below->bytes, 7, BELOW);
}

static void teardown(void)
{
	disk_close(&below->disk);
	disk_close(exchange);
}

static void assert_read(uint64_t offset, size_t length, size_t sevens)
{
	uint8_t bytes[SIZE], expected[SIZE] = {0};

	memset(bytes, 1, sizeof(bytes));
	memset(expected, 7, sevens);
	ck_assert_int_eq(disk_read(exchange, offset, bytes, length, &err), 0);
	ck_assert_mem_eq(bytes, expected, length);
}

TEST_CASE(exchange_tests, "exchange", .setup = setup, .teardown = teardown);

TEST(exchange_tests, without_a_disk_there_are_zeros)
{
	assert_read(0, SIZE, 0);
}

TEST(exchange_tests, behind_the_end_of_the_disk_there_are_zeros)
{
	exchange_set(exchange, &below->disk);
	assert_read(0, SIZE, BELOW);
	assert_read(BELOW - 1, 2, 1);
	assert_read(BELOW, 1, 0);
}

TEST(exchange_tests, nothing_is_left_of_a_disk_that_was_taken_away)
{
	exchange_set(exchange, &below->disk);
	assert_read(0, BELOW, BELOW);
	exchange_set(exchange, NULL);
	assert_read(0, BELOW, 0);
}

TEST(exchange_tests, it_cannot_be_written_to)
{
	exchange_set(exchange, &below->disk);
	ck_assert_int_eq(disk_write(exchange, 0, "x", 1, &err), -1);
	ck_assert_int_eq(err.code, BS_READ_ONLY);
}

TEST(exchange_tests, an_error_of_the_disk_is_passed_on)
{
	uint8_t byte;

	exchange_set(exchange, &below->disk);
	below->failure = BS_IO;
	ck_assert_int_eq(disk_read(exchange, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
}
