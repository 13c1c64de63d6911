/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Amounts as people write and read them: sizes, durations and counts. */
#ifndef BOOTSHIFT_REPORT_AMOUNT_H
#define BOOTSHIFT_REPORT_AMOUNT_H

#include <stdint.h>

#include "util/err.h"
#include "util/size.h"

/*
 * Reads a size: digits, up to six digits after a point, and a unit in either case: none or B for
 * bytes; K, M, G, T or KiB, MiB, GiB, TiB for powers of 1024; KB, MB, GB, TB for powers of
 * 1000.  A fraction of a byte is cut off.  *bytes is from 1 to INT64_MAX.  Error: BS_USAGE.
 */
MUST_CHECK int size_parse(const char *text, uint64_t *bytes, struct bs_error *err);

/*
 * Reads a duration in seconds: "90", "90s", "5m", "1h30m", "2d".  The units are d, h, m and s, in
 * this order and in either case; min and sec are read too.  A number without a unit is seconds and
 * stands alone.  *seconds is from 1 to `most`.  Error: BS_USAGE.
 */
MUST_CHECK int duration_parse(const char *text, uint32_t most, uint32_t *seconds,
			      struct bs_error *err);

/* "0.21 s", "12.3 s", "2 min 31 s", "3 h 5 min". */
struct amount_text duration_format(uint64_t milliseconds);

/* "1 file", "2 files".  The plural of the noun ends with s; the noun has at most 24 letters. */
struct amount_text count_format(uint64_t count, const char *noun);

#endif
