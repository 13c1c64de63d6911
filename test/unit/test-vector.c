/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing arrays, and lists of ranges, which are growing arrays too. */
#include <string.h>

#include "support/test.h"
#include "util/range.h"

TEST_CASE(vector_tests, "vector");

struct wide {
	char bytes[1000];
};

DEFINE_VECTOR(numbers, uint32_t);
DEFINE_VECTOR(wides, struct wide);

TEST(vector_tests, what_was_appended_is_there_in_order)
{
	struct numbers numbers = {0};
	struct bs_error err;

	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_int_eq(numbers_append(&numbers, i, &err), 0);
	ck_assert_uint_eq(numbers.count, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(numbers.items[i], i);
	numbers_free(&numbers);
	ck_assert_ptr_null(numbers.items);
	ck_assert_uint_eq(numbers.count + numbers.capacity, 0);
}

TEST(vector_tests, an_added_item_is_zero)
{
	struct numbers numbers = {0};
	struct bs_error err;

	ck_assert_int_eq(numbers_append(&numbers, 7, &err), 0);
	numbers.count = 0;
	ck_assert_uint_eq(*numbers_add(&numbers, &err), 0);
	ck_assert_uint_eq(numbers.count, 1);
	numbers_free(&numbers);
}

TEST(vector_tests, reserved_room_is_used_without_moving)
{
	struct numbers numbers = {0};
	struct bs_error err;
	uint32_t *items;

	ck_assert_int_eq(numbers_reserve(&numbers, 0, &err), 0);
	ck_assert_int_eq(numbers_reserve(&numbers, 500, &err), 0);
	items = numbers.items;
	for (uint32_t i = 0; i < 500; i++)
		ck_assert_int_eq(numbers_append(&numbers, i, &err), 0);
	ck_assert_ptr_eq(numbers.items, items);
	numbers_free(&numbers);
}

TEST(vector_tests, a_size_that_overflows_is_out_of_memory)
{
	struct wides wides = {0};
	volatile size_t many = SIZE_MAX / 500; /* the compiler would warn of a constant */
	struct bs_error err = {0};

	ck_assert_ptr_nonnull(wides_add(&wides, &err));
	ck_assert_int_eq(wides_reserve(&wides, SIZE_MAX, &err), -1);
	ck_assert_int_eq(err.code, BS_NO_MEMORY);
	ck_assert_int_eq(wides_reserve(&wides, many, &err), -1);
	ck_assert_uint_eq(wides.count, 1);
	wides_free(&wides);
}

/* ---- ranges --------------------------------------------------------------------------------- */

TEST_CASE(range_tests, "range");

TEST(range_tests, two_ranges_are_compared)
{
	const struct range whole = {10, 10}, inner = {12, 8}, behind = {20, 5}, over = {19, 2};

	ck_assert_uint_eq(range_end(whole), 20);
	ck_assert(range_has(whole, 10) && range_has(whole, 19));
	ck_assert(!range_has(whole, 9) && !range_has(whole, 20));
	ck_assert(range_contains(whole, inner) && range_contains(whole, whole));
	ck_assert(!range_contains(inner, whole) && !range_contains(whole, over));
	ck_assert(range_overlaps(whole, over) && range_overlaps(over, whole));
	ck_assert(!range_overlaps(whole, behind) && !range_overlaps(behind, whole));
	ck_assert_uint_eq(range_intersect(whole, over).offset, 19);
	ck_assert_uint_eq(range_intersect(whole, over).length, 1);
	ck_assert_uint_eq(range_intersect(whole, (struct range){100, 5}).length, 0);
}

static struct range_vector make_ranges(const struct range *ranges, size_t count)
{
	struct range_vector made = {0};
	struct bs_error err;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(range_vector_append(&made, ranges[i], &err), 0);
	return made;
}

static void check_ranges(struct range_vector ranges, const struct range *expected, size_t count)
{
	ck_assert_uint_eq(ranges.count, count);
	ck_assert_mem_eq(ranges.items, expected, count * sizeof(*expected));
}

TEST(range_tests, merging_sorts_and_joins_what_touches_or_overlaps)
{
	static const struct range given[] = {{90, 10}, {0, 10}, {5, 2}, {20, 10}, {30, 5}, {33, 4}};
	static const struct range merged[] = {{0, 10}, {20, 17}, {90, 10}};
	struct range_vector ranges = make_ranges(given, 6);

	range_vector_merge(&ranges);
	check_ranges(ranges, merged, 3);
	range_vector_free(&ranges);
	range_vector_merge(&ranges);
	ck_assert_uint_eq(ranges.count, 0);
}

TEST(range_tests, a_range_that_follows_the_last_one_makes_that_longer)
{
	static const struct range expected[] = {{0, 20}, {21, 1}, {5, 2}};
	static const struct range given[] = {{0, 10}, {10, 10}, {21, 1}, {5, 2}};
	struct range_vector ranges = {0};
	struct bs_error err;

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(range_vector_extend(&ranges, given[i], &err), 0);
	check_ranges(ranges, expected, 3);
	range_vector_free(&ranges);
}

TEST(range_tests, the_range_at_or_behind_an_offset_is_found)
{
	static const struct range given[] = {{10, 10}, {20, 10}, {50, 1}};
	struct range_vector ranges = make_ranges(given, 3);

	ck_assert_ptr_eq(range_vector_find(&ranges, 0), &ranges.items[0]);
	ck_assert_ptr_eq(range_vector_find(&ranges, 19), &ranges.items[0]);
	ck_assert_ptr_eq(range_vector_find(&ranges, 20), &ranges.items[1]);
	ck_assert_ptr_eq(range_vector_find(&ranges, 30), &ranges.items[2]);
	ck_assert_ptr_null(range_vector_find(&ranges, 51));
	ck_assert(range_vector_contains(&ranges, (struct range){20, 10}));
	ck_assert(!range_vector_contains(&ranges, (struct range){19, 2}));
	ck_assert(!range_vector_contains(&ranges, (struct range){40, 1}));
	ck_assert(!range_vector_contains(&ranges, (struct range){51, 1}));
	range_vector_free(&ranges);
}
