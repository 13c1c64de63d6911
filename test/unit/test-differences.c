/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of what is not as a fix left it. */
#include <stdio.h>

#include "support/sample.h"
#include "windows/differences.h"

static struct differences list;

static void teardown(void)
{
	differences_free(&list);
}

static void note(const char *path, const char *what, bool expected)
{
	struct bs_error err = {0};

	ASSERT_OK(differences_note(&list, path, what, expected, &err));
}

TEST_CASE(differences_tests, "differences", .teardown = teardown);

TEST(differences_tests, a_file_has_one_item_which_is_expected_if_all_of_it_is)
{
	note("\\Boot\\BCD", "times", true);
	note("\\bootmgr", "times", true);
	note("\\boot\\bcd", "content", false);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(list.items[0].what, "times, content");
	ck_assert(!list.items[0].expected && list.items[1].expected);
	ck_assert_ptr_eq(differences_first_broken(&list), &list.items[0]);
	ck_assert_uint_eq(differences_count_broken(&list), 1);
	ck_assert(differences_have(&list, "\\BOOTMGR") && !differences_have(&list, "\\Boot"));
}

TEST(differences_tests, each_fault_of_the_disk_has_an_item)
{
	note("", "partition 1 is active", false);
	note("", "partition 2 is not active", false);
	ck_assert_uint_eq(list.count, 2);
}

TEST(differences_tests, a_full_list_leaves_out_what_is_expected_first)
{
	char path[32];

	for (int i = 0; i < BS_DIFFERENCES_MAX + 1; i++) {
		snprintf(path, sizeof(path), "\\Boot\\%d", i);
		note(path, "times", i != 7);
	}
	ck_assert_uint_eq(list.count, BS_DIFFERENCES_MAX);
	note("\\bootmgr", "content", false);
	ck_assert_uint_eq(list.count, BS_DIFFERENCES_MAX);
	ck_assert_uint_eq(differences_count_broken(&list), 2);
	ck_assert(differences_have(&list, "\\bootmgr") && differences_have(&list, "\\Boot\\7"));
}

TEST(differences_tests, the_first_item_that_differs_between_two_lists_is_found_and_named)
{
	struct bs_difference item = {.path = "\\bootmgr", .what = "times", .expected = true};
	const struct differences other = {.items = &item, .count = 1};

	ck_assert_uint_eq(differences_compare(&list, &other), 0);
	ck_assert_str_eq(differences_describe_at(&list, 0).text, "nothing more");
	ck_assert_str_eq(differences_describe_at(&other, 0).text, "\\bootmgr (times)");
	note("\\bootmgr", "times", true);
	ck_assert_uint_eq(differences_compare(&list, &other), 1);
	item.expected = false;
	ck_assert_uint_eq(differences_compare(&list, &other), 0);
	item.expected = true;
	item.what[0] = 'T';
	ck_assert_uint_eq(differences_compare(&list, &other), 0);
	item.what[0] = 't';
	note("", "partition 1 is active", false);
	ck_assert_uint_eq(differences_compare(&list, &other), 1);
	ck_assert_str_eq(differences_describe_at(&list, 1).text, "partition 1 is active");
}
