/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monotonic clock, and times of files. */
#ifndef BOOTSHIFT_CLOCK_H
#define BOOTSHIFT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of the monotonic clock: only differences between two of them mean something. */
uint64_t clock_milliseconds(void);

/* Converts a time of a file to nanoseconds since 1970. */
uint64_t clock_nanoseconds(const struct timespec *time);

/* The current time in nanoseconds since 1970, by the clock from which files get their times. */
uint64_t clock_file_time(void);

#endif
