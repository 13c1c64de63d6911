/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/picture.h"
#include "support/test.h"

TEST_CASE(picture_tests, "picture");

TEST(picture_tests, a_missing_picture_is_an_error_only_if_a_path_was_asked_for)
{
	struct bs_start start = {.proven = true};
	struct bs_result result = {.start = &start};
	struct bs_error err;

	ck_assert_int_eq(picture_store(&result, NULL, &err), 0);
	start.proven = false;
	ck_assert_int_eq(picture_store(&result, NULL, &err), 0);
	ck_assert_int_eq(picture_store(&result, "/nonexistent/picture.png", &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "no picture"));
}
