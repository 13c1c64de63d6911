/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times as people read them. */
#ifndef BOOTSHIFT_REPORT_DURATION_H
#define BOOTSHIFT_REPORT_DURATION_H

#include <stdint.h>

/* The longest text of duration_format() with its final zero. */
#define DURATION_TEXT 32

struct duration_text {
	char text[DURATION_TEXT];
};

/* "0.21 s", "12.3 s", "2 min 31 s", "3 h 5 min".  By value, as size_format() does. */
struct duration_text duration_format(uint64_t milliseconds);

#endif
