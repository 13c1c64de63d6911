/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/clock.h"

#include <limits.h>

#include "util/bytes.h"

uint64_t clock_microseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t clock_milliseconds(void)
{
	return clock_microseconds() / 1000;
}

struct deadline deadline_after(uint64_t milliseconds)
{
	uint64_t end;

	if (!add_u64(clock_milliseconds(), milliseconds, &end))
		end = UINT64_MAX;
	return (struct deadline){end};
}

bool deadline_is_set(struct deadline deadline)
{
	return deadline.end != 0;
}

bool deadline_has_passed(struct deadline deadline)
{
	return deadline_is_set(deadline) && clock_milliseconds() >= deadline.end;
}

int deadline_poll_timeout(struct deadline deadline)
{
	uint64_t now = clock_milliseconds();

	if (!deadline_is_set(deadline))
		return -1;
	if (now >= deadline.end)
		return 0;
	return (int)min_u64(deadline.end - now, INT_MAX - 1) + 1;
}

uint64_t clock_nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

uint64_t clock_file_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME_COARSE, &time);
	return clock_nanoseconds(&time);
}
