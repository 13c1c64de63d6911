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

TEST(moment, a_moment_is_exact_to_the_nanosecond)
{
	static const uint64_t moments[] = {0, 1, 1795989474328476827, 1795989474000000000,
					   999999999};
	uint64_t read;

	ck_assert_str_eq(moment_exact(1795991874000000027).text, "2026-11-29T22:37:54.000000027Z");
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		ck_assert(moment_parse(moment_exact(moments[i]).text, &read));
		ck_assert_uint_eq(read, moments[i]);
	}
	ck_assert(moment_parse("2026-11-29T22:37:54.5Z", &read));
	ck_assert_uint_eq(read, 1795991874500000000);
	ck_assert(moment_parse("2026-11-29T22:37:54Z", &read));
	ck_assert_uint_eq(read, 1795991874000000000);
}

static const char *const no_moments[] = {
	"",
	"2026-11-29",
	"2026-11-29T22:37:54",
	"2026-11-29T22:37:54z",
	"2026-11-29T22:37:54+01:00",
	"2026-11-29T22:37:54.Z",
	"2026-11-29T22:37:54.0123456789Z",
	"2026-11-29T22:37:54Z ",
	" 2026-11-29T22:37:54Z",
	"2026-1-29T22:37:54Z",
	"2026-02-30T22:37:54Z",
	"2026-11-29T24:37:54Z",
	"1969-12-31T23:59:59Z",
	"2600-01-01T00:00:00Z",
};

TEST_EACH(moment, any_other_text_is_not_a_moment, no_moments)
{
	uint64_t read;

	ck_assert(!moment_parse(no_moments[_i], &read));
}
