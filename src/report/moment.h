/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments, for people and for programs. */
#ifndef BOOTSHIFT_REPORT_MOMENT_H
#define BOOTSHIFT_REPORT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment_text {
	char text[32]; /* empty for a moment that cannot be shown */
};

/* Seconds since 1970-01-01 UTC as "2026-11-22 09:30:00 UTC". */
struct moment_text moment_format(int64_t seconds);

/* The same as in RFC 3339: "2026-11-22T09:30:00Z". */
struct moment_text moment_rfc3339(int64_t seconds);

/* Nanoseconds since 1970-01-01 UTC in RFC 3339: "2026-11-22T09:30:00.000000001Z". */
struct moment_text moment_exact(uint64_t nanoseconds);

/*
 * Reads what moment_exact() or moment_rfc3339() has made: a time in UTC from 1970 to 2553, with up to
 * nine digits of a second.  False if `text` is anything else.
 */
bool moment_parse(const char *text, uint64_t *nanoseconds);

#endif
