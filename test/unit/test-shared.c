/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that several threads may use, and below which another disk can be put. */
#include "disk/shared.h"
#include "unit/memory-disk.h"

TEST_CASE(shared_tests, "shared");

TEST(shared_tests, it_shows_the_disk_that_is_below_at_the_moment)
{
	struct bs_error err;
	struct memory_disk *one = memory_disk_open(4096), *other = memory_disk_open(4096);
	struct shared *shared = shared_open(&one->disk, &err);
	struct disk *disk = shared_disk(shared);
	uint8_t byte;

	ck_assert_int_eq(disk_write(disk, 7, "a", 1, &err), 0);
	ck_assert_int_eq(one->bytes[7], 'a');
	shared_exchange(shared, &other->disk);
	other->bytes[7] = 'b';
	ck_assert_int_eq(disk_read(disk, 7, &byte, 1, &err), 0);
	ck_assert_int_eq(byte, 'b');
	ck_assert_int_eq(disk_flush(disk, &err), 0);
	ck_assert_uint_eq(one->flushes, 0);
	ck_assert_uint_eq(other->flushes, 1);
	disk_close(disk);
	disk_close(&one->disk);
	disk_close(&other->disk);
}

TEST(shared_tests, without_a_disk_below_each_operation_fails)
{
	struct bs_error err;
	struct memory_disk *one = memory_disk_open(4096);
	struct shared *shared = shared_open(&one->disk, &err);
	struct disk *disk = shared_disk(shared);
	uint8_t byte = 0;

	shared_exchange(shared, NULL);
	ck_assert_int_eq(disk_read(disk, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert_int_eq(disk_write(disk, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(disk_flush(disk, &err), -1);
	ck_assert_uint_eq(one->reads + one->writes + one->flushes, 0);
	disk_close(disk);
	disk_close(&one->disk);
}
