/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes as people write and read them. */
#ifndef BOOTSHIFT_REPORT_SIZE_H
#define BOOTSHIFT_REPORT_SIZE_H

#include <stdint.h>

#include "util/err.h"

/*
 * Reads a size: digits, with up to six more behind a point, and a unit in either case: none or B
 * for bytes; K, M, G, T or KiB, MiB, GiB, TiB for powers of 1024; KB, MB, GB, TB for powers of
 * 1000.  What is left of a byte is cut off.  *bytes is from 1 to INT64_MAX; else BS_USAGE.
 */
MUST_CHECK int size_parse(const char *text, uint64_t *bytes, struct bs_error *err);

/* The longest text of size_format() with its final zero. */
#define SIZE_TEXT 24

struct size_text {
	char text[SIZE_TEXT];
};

/*
 * "512 bytes", "31.5 KiB", "100 MiB", "39.9 GiB": rounded to a tenth, and to whole units from 100
 * on.  Returned by value, so that several fit in one call of print().
 */
struct size_text size_format(uint64_t bytes);

#endif
