/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What would be lost if a file of rows were overwritten. */
#include <stdio.h>

#include "rows/lost.h"

#include "support/test.h"

TEST_CASE(lost_tests, "lost");

/* Reading a folder fails.  Otherwise "nothing would be lost" would be said of what was not read. */
TEST(lost_tests, rows_that_cannot_be_read_do_not_count_as_none)
{
	FILE *unreadable = fopen("/", "r"), *empty = tmpfile();
	struct bs_error err = {0};
	uint64_t lost;

	ck_assert(unreadable && empty);
	ck_assert_int_eq(lost_count(unreadable, empty, &lost, &err), -1);
	ck_assert_int_eq(lost_count(empty, unreadable, &lost, &err), -1);
	ck_assert_str_ne(err.message, "");
	fclose(unreadable);
	fclose(empty);
}
