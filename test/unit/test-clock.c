/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deadlines. */
#include <limits.h>
#include <unistd.h>

#include "support/test.h"
#include "util/clock.h"

TEST_CASE(clock_tests, "clock");

TEST(clock_tests, no_deadline_never_passes)
{
	const struct deadline none = {0};

	ck_assert(!deadline_is_set(none) && !deadline_has_passed(none));
	ck_assert_int_eq(deadline_poll_timeout(none), -1);
}

TEST(clock_tests, a_deadline_passes_when_its_time_has_come)
{
	struct deadline soon = deadline_after(20);
	int timeout = deadline_poll_timeout(soon);

	ck_assert(deadline_is_set(soon));
	ck_assert_int_ge(timeout, 0);
	ck_assert_int_le(timeout, 21);
	usleep(25 * 1000);
	ck_assert(deadline_has_passed(soon));
	ck_assert_int_eq(deadline_poll_timeout(soon), 0);
	ck_assert(deadline_has_passed(deadline_after(0)));
}

TEST(clock_tests, a_deadline_in_the_far_future_does_not_overflow)
{
	struct deadline late = deadline_after(UINT64_MAX);

	ck_assert(!deadline_has_passed(late));
	ck_assert_int_eq(deadline_poll_timeout(late), INT_MAX);
}
