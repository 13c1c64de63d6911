/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monotonic clock, deadlines, and times of files. */
#ifndef BOOTSHIFT_CLOCK_H
#define BOOTSHIFT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The monotonic clock.  Only the difference of two times has a meaning. */
uint64_t clock_microseconds(void);
uint64_t clock_milliseconds(void);

/* A point in time.  A deadline of zero bytes never passes. */
struct deadline {
	uint64_t end; /* clock_milliseconds(); 0: none */
};

struct deadline deadline_after(uint64_t milliseconds);
bool deadline_is_set(struct deadline deadline);
bool deadline_has_passed(struct deadline deadline);

/*
 * Returns the timeout for poll(2): -1 without a deadline, 0 when the deadline has passed, otherwise
 * the time left and 1 ms more, so that poll(2) does not return shortly before the deadline.
 */
int deadline_poll_timeout(struct deadline deadline);

/* Converts the time of a file to nanoseconds since 1970. */
uint64_t clock_nanoseconds(const struct timespec *time);

/* The current time in nanoseconds since 1970, from the clock that sets the times of files. */
uint64_t clock_file_time(void);

#endif
