/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time it is. */
#ifndef BOOTSHIFT_CLOCK_H
#define BOOTSHIFT_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment, whatever is done to the system's time meanwhile. */
uint64_t clock_milliseconds(void);

/* Nanoseconds since 1970 by the clock that file systems use, for comparing with times of files. */
uint64_t clock_file_time(void);

#endif
