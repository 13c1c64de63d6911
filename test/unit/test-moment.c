/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/moment.h"

#include "support/test.h"

TEST_CASE(moment, "moment");

TEST(moment, a_moment_is_shown_in_utc)
{
	ck_assert_str_eq(moment_format(1763804096).text, "2025-11-22 09:34:56 UTC");
	ck_assert_str_eq(moment_rfc3339(1763804096).text, "2025-11-22T09:34:56Z");
	ck_assert_str_eq(moment_rfc3339(0).text, "1970-01-01T00:00:00Z");
	ck_assert_str_eq(moment_rfc3339(253402300799).text, "9999-12-31T23:59:59Z");
}

/* The header of an undo file may have any number. */
TEST(moment, a_year_of_more_than_four_digits_is_not_shown)
{
	ck_assert_str_eq(moment_rfc3339(253402300800).text, "");
	ck_assert_str_eq(moment_format(INT64_MAX).text, "");
	ck_assert_str_eq(moment_format(INT64_MIN).text, "");
	ck_assert_str_eq(moment_rfc3339(-62167219201).text, "");
}
