/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes as people read them, in messages and in reports. */
#ifndef BOOTSHIFT_UTIL_SIZE_H
#define BOOTSHIFT_UTIL_SIZE_H

#include <stdint.h>

/* Returned by value, so that a call of print() can have several amounts as arguments. */
struct amount_text {
	char text[48];
};

/*
 * "512 bytes", "31.5 KiB", "100 MiB", "39.9 GiB": rounded to a tenth, and to whole units from 100
 * on.
 */
struct amount_text size_format(uint64_t bytes);

#endif
