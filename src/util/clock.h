/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time it is. */
#ifndef BOOTSHIFT_CLOCK_H
#define BOOTSHIFT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment, whatever is done to the system's time meanwhile. */
uint64_t clock_milliseconds(void);

/* A file's time as nanoseconds since 1970. */
uint64_t clock_nanoseconds(const struct timespec *time);

/* Nanoseconds since 1970 by the clock that file systems use, for comparing with times of files. */
uint64_t clock_file_time(void);

#endif
