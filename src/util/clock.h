/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monotonic clock, deadlines, and times of files. */
#ifndef BOOTSHIFT_CLOCK_H
#define BOOTSHIFT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds of the monotonic clock: only differences between two of them mean something. */
uint64_t clock_milliseconds(void);

/* A point in time.  A deadline of zero bytes never passes. */
struct deadline {
	uint64_t end; /* clock_milliseconds(); 0: none */
};

struct deadline deadline_after(uint64_t milliseconds);
bool deadline_is_set(struct deadline deadline);
bool deadline_has_passed(struct deadline deadline);

/*
 * The timeout for poll(2): -1 without a deadline, 0 when it has passed, otherwise at least 1.  It
 * is one millisecond more than what is left, so that the last wait before the deadline is a wait.
 */
int deadline_poll_timeout(struct deadline deadline);

/* Converts a time of a file to nanoseconds since 1970. */
uint64_t clock_nanoseconds(const struct timespec *time);

/* The current time in nanoseconds since 1970, by the clock from which files get their times. */
uint64_t clock_file_time(void);

#endif
