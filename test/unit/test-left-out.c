/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may have been meant is kept, as far as there is room, and counted from there on. */
#include "batch/left-out.h"

#include "support/test.h"

TEST_CASE(left_out_tests, "left-out");

TEST(left_out_tests, the_first_thousand_are_kept)
{
	struct left_out left_out = {.count = 0};

	for (unsigned i = 0; i < LEFT_OUT_MAX + 3; i++) {
		char path[] = "a", reason[] = "is empty";

		path[0] = i == 0 ? 'x' : 'y';
		left_out_add(&left_out, path, reason);
	}
	ck_assert_uint_eq(left_out.count, 1000);
	ck_assert_uint_eq(left_out.more, 3);
	ck_assert_str_eq(left_out.files[0].path, "x");
	ck_assert_str_eq(left_out.files[999].path, "y");
	ck_assert_str_eq(left_out.files[999].reason, "is empty");
	left_out_free(&left_out);
}
