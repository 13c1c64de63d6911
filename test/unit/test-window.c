/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows (parts of a disk), and the range checks that every disk has. */

#include "disk/window.h"
#include "unit/memory-disk.h"

TEST_CASE(window_tests, "window");

TEST(window_tests, a_window_shows_its_part_of_the_disk)
{
	struct bs_error err;
	struct memory_disk *memory = memory_disk_open(4096);
	struct disk *window = window_open(&memory->disk, 1000, 96, &err);
	uint8_t found[96];

	ck_assert_uint_eq(disk_size(window), 96);
	ck_assert_int_eq(disk_read(window, 0, found, 96, &err), 0);
	ck_assert_mem_eq(found, memory->bytes + 1000, 96);
	ck_assert_int_eq(disk_write(window, 90, "abcdef", 6, &err), 0);
	ck_assert_mem_eq(memory->bytes + 1090, "abcdef", 6);
	ck_assert_int_eq(disk_flush(window, &err), 0);
	ck_assert_uint_eq(memory->flushes, 1);
	disk_close(window);
	disk_close(&memory->disk);
}

TEST(window_tests, a_window_keeps_to_its_range)
{
	struct bs_error err;
	struct memory_disk *memory = memory_disk_open(4096);
	struct disk *window = window_open(&memory->disk, 1000, 96, &err);
	uint8_t bytes[97] = {0};

	ck_assert_int_eq(disk_read(window, 0, bytes, 97, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_int_eq(disk_write(window, 96, bytes, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_int_eq(disk_read(window, UINT64_MAX, bytes, 2, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_uint_eq(memory->reads + memory->writes, 0);
	disk_close(window);
	disk_close(&memory->disk);
}

TEST(window_tests, nothing_is_asked_for_an_empty_range)
{
	struct bs_error err;
	struct memory_disk *memory = memory_disk_open(512);

	ck_assert_int_eq(disk_read(&memory->disk, 513, NULL, 0, &err), 0);
	ck_assert_int_eq(disk_write(&memory->disk, 0, NULL, 0, &err), 0);
	ck_assert_uint_eq(memory->reads + memory->writes, 0);
	disk_close(&memory->disk);
	disk_close(NULL);
}

TEST(window_tests, a_window_must_lie_within_the_disk)
{
	struct bs_error err;
	struct memory_disk *memory = memory_disk_open(512);

	ck_assert_ptr_null(window_open(&memory->disk, 0, 513, &err));
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_ptr_null(window_open(&memory->disk, UINT64_MAX, 2, &err));
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	disk_close(&memory->disk);
}
