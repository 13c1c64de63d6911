/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes within the allowed ranges succeed.  Every other write is refused as a whole. */
#include "disk/guard.h"
#include "unit/memory-disk.h"

static struct memory_disk *memory;
static struct guard *guard;

static void setup(void)
{
	struct bs_error err;

	memory = memory_disk_open(8192);
	guard = guard_open(&memory->disk, &err);
	ck_assert_ptr_nonnull(guard);
}

static void teardown(void)
{
	disk_close(guard_disk(guard));
	disk_close(&memory->disk);
}

static void allow(const struct guard_range *ranges, size_t count)
{
	struct bs_error err;

	ck_assert_int_eq(guard_allow(guard, ranges, count, &err), 0);
}

static void assert_passes(uint64_t offset, size_t length)
{
	struct bs_error err;
	static const uint8_t zeros[8192];

	ck_assert_int_eq(disk_write(guard_disk(guard), offset, zeros, length, &err), 0);
	ck_assert_mem_eq(memory->bytes + offset, zeros, length);
}

static void assert_refused(uint64_t offset, size_t length)
{
	struct bs_error err;
	static const uint8_t zeros[8192];
	size_t writes = memory->writes;

	ck_assert_int_eq(disk_write(guard_disk(guard), offset, zeros, length, &err), -1);
	ck_assert_int_eq(err.code, BS_GUARD);
	ck_assert_uint_eq(memory->writes, writes);
}

TEST_CASE(guard_tests, "guard", .setup = setup, .teardown = teardown);

TEST(guard_tests, at_first_everything_can_be_read_and_nothing_written)
{
	struct bs_error err;
	uint8_t found[8192];

	ck_assert_int_eq(disk_read(guard_disk(guard), 0, found, sizeof(found), &err), 0);
	ck_assert_mem_eq(found, memory->bytes, sizeof(found));
	ck_assert_int_eq(disk_flush(guard_disk(guard), &err), 0);
	ck_assert_uint_eq(memory->flushes, 1);
	assert_refused(0, 1);
	assert_refused(0, 8192);
}

TEST(guard_tests, a_guard_is_closed_as_long_as_nothing_is_allowed)
{
	ck_assert(guard_is_closed(guard));
	allow(&(struct guard_range){446, 1, GUARD_ACTIVE_FLAG}, 1);
	ck_assert(!guard_is_closed(guard));
	allow(&(struct guard_range){4096, 512, GUARD_ANY_BYTES}, 1);
	ck_assert(!guard_is_closed(guard));
	allow(NULL, 0);
	ck_assert(guard_is_closed(guard));
}

TEST(guard_tests, a_write_must_lie_wholly_within_a_range)
{
	allow((struct guard_range[]){{4096, 512, GUARD_ANY_BYTES},
				     {446, 1, GUARD_ANY_BYTES},
				     {462, 1, GUARD_ANY_BYTES}},
	      3);
	assert_passes(446, 1);
	assert_passes(462, 1);
	assert_passes(4096, 512);
	assert_passes(4607, 1);
	assert_refused(446, 2);
	assert_refused(445, 2);
	assert_refused(446, 17);
	assert_refused(4095, 2);
	assert_refused(4607, 2);
	assert_refused(4608, 1);
	assert_refused(0, 8192);
}

TEST(guard_tests, ranges_that_touch_or_overlap_count_as_one)
{
	allow((struct guard_range[]){{300, 100, GUARD_ANY_BYTES},
				     {100, 100, GUARD_ANY_BYTES},
				     {200, 100, GUARD_ANY_BYTES},
				     {150, 10, GUARD_ANY_BYTES},
				     {390, 20, GUARD_ANY_BYTES}},
	      5);
	assert_passes(100, 310);
	assert_refused(99, 311);
	assert_refused(100, 311);
}

TEST(guard_tests, empty_ranges_allow_and_join_nothing)
{
	allow((struct guard_range[]){{10, 0, GUARD_ANY_BYTES},
				     {100, 10, GUARD_ANY_BYTES},
				     {111, 0, GUARD_ANY_BYTES},
				     {112, 8, GUARD_ANY_BYTES}},
	      4);
	assert_refused(10, 1);
	assert_refused(100, 12);
	assert_refused(100, 20);
	assert_passes(112, 8);
}

static int write_bytes(uint64_t offset, const void *bytes, size_t length)
{
	struct bs_error err = {0};
	int result = disk_write(guard_disk(guard), offset, bytes, length, &err);

	ck_assert(result == 0 || err.code == BS_GUARD);
	return result;
}

TEST(guard_tests, a_flag_takes_two_values_and_no_other)
{
	allow((struct guard_range[]){{446, 1, GUARD_ACTIVE_FLAG}, {4096, 512, GUARD_ANY_BYTES}}, 2);
	for (unsigned value = 0; value < 256; value++) {
		uint8_t flag = (uint8_t)value;
		size_t writes = memory->writes;

		ck_assert_int_eq(write_bytes(446, &flag, 1), flag == 0 || flag == 0x80 ? 0 : -1);
		ck_assert_uint_eq(memory->writes - writes, flag == 0 || flag == 0x80);
		ck_assert_int_eq(write_bytes(4096, &flag, 1), 0);
	}
}

TEST(guard_tests, the_rule_for_flags_is_for_every_byte_and_joins_no_other_range)
{
	allow((struct guard_range[]){{446, 2, GUARD_ACTIVE_FLAG},
				     {448, 2, GUARD_ACTIVE_FLAG},
				     {450, 6, GUARD_ANY_BYTES},
				     {440, 6, GUARD_ANY_BYTES}},
	      4);
	ck_assert_int_eq(write_bytes(446, "\0\x80\0\x80", 4), 0);
	ck_assert_int_eq(write_bytes(446, "\0\x80\0\x81", 4), -1);
	ck_assert_int_eq(write_bytes(446, "\x80\0\0\0\0", 5), -1); /* into the next range */
	ck_assert_int_eq(write_bytes(445, "\0\0", 2), -1);
	ck_assert_int_eq(write_bytes(450, "others", 6), 0);
	ck_assert_int_eq(write_bytes(440, "others", 6), 0);
}

TEST(guard_tests, new_ranges_replace_the_old_ones)
{
	allow(&(struct guard_range){0, 512, GUARD_ANY_BYTES}, 1);
	allow(&(struct guard_range){1024, 512, GUARD_ANY_BYTES}, 1);
	assert_refused(0, 1);
	assert_passes(1024, 512);
	allow(NULL, 0);
	assert_refused(1024, 1);
}

TEST(guard_tests, a_range_beyond_the_disk_is_refused_and_changes_nothing)
{
	struct bs_error err;

	allow(&(struct guard_range){0, 512, GUARD_ANY_BYTES}, 1);
	ck_assert_int_eq(
		guard_allow(guard, &(struct guard_range){8191, 2, GUARD_ANY_BYTES}, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	ck_assert_int_eq(
		guard_allow(guard, &(struct guard_range){2, UINT64_MAX, GUARD_ANY_BYTES}, 1, &err),
		-1);
	ck_assert_int_eq(err.code, BS_OUT_OF_RANGE);
	assert_passes(0, 512);
	assert_refused(8191, 1);
}

TEST(guard_tests, the_first_error_of_the_disk_below_is_kept_and_a_refusal_is_none)
{
	struct bs_error err;
	uint8_t byte = 0;

	assert_refused(0, 1);
	ck_assert_ptr_null(guard_failure(guard));
	memory->failure = BS_IO;
	ck_assert_int_eq(disk_flush(guard_disk(guard), &err), -1);
	memory->failure = BS_NO_MEMORY;
	ck_assert_int_eq(disk_read(guard_disk(guard), 0, &byte, 1, &err), -1);
	ck_assert_int_eq(guard_failure(guard)->code, BS_IO);
}

/* ---- exact bytes --------------------------------------------------------------------------- */

TEST(guard_tests, an_exact_write_has_its_bytes_at_its_place_and_no_others)
{
	static const uint8_t right[4] = {1, 2, 3, 4}, wrong[4] = {1, 2, 3, 5};

	allow((struct guard_range[]){{446, 1, GUARD_ACTIVE_FLAG}}, 1);
	guard_allow_exact(guard, 440, right, sizeof(right));
	ck_assert_int_eq(write_bytes(440, wrong, 4), -1);
	ck_assert_int_eq(write_bytes(440, right, 3), -1);
	ck_assert_int_eq(write_bytes(441, right + 1, 3), -1);
	ck_assert_int_eq(write_bytes(441, right, 4), -1);
	ck_assert_int_eq(write_bytes(439, "\0\1\2\3\4", 5), -1);
	ck_assert_uint_eq(memory->writes, 0);
	ck_assert_int_eq(write_bytes(440, right, 4), 0);
	ck_assert_mem_eq(memory->bytes + 440, right, 4);
	assert_passes(446, 1);
}

TEST(guard_tests, other_ranges_or_none_end_an_exact_write)
{
	static const uint8_t right[4] = {1, 2, 3, 4};

	allow(NULL, 0);
	guard_allow_exact(guard, 440, right, sizeof(right));
	ck_assert(!guard_is_closed(guard));
	allow(NULL, 0);
	ck_assert(guard_is_closed(guard));
	ck_assert_int_eq(write_bytes(440, right, 4), -1);
}
