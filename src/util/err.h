/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors: set once where the cause is known, prefixed on the way up, printed only in cli/.
 *
 * Every function that can fail takes a `struct bs_error *err` as its last argument, which is
 * never NULL, and returns 0 or -1 (or a pointer or NULL).  The code in it is one of the stable
 * codes of bootshift.h; the message says what is wrong, without the image's name, without a final
 * full stop and without what to do about it: that is the code's advice, kept in the same table.
 */
#ifndef BOOTSHIFT_ERR_H
#define BOOTSHIFT_ERR_H

#include "bootshift.h"

#define MUST_CHECK __attribute__((warn_unused_result))

/* Sets *err and returns -1, so that `return fail(err, ...)` is the whole error path. */
int fail(struct bs_error *err, enum bs_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* The same, with ": " and the description of errno after the message. */
int fail_errno(struct bs_error *err, enum bs_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* The same, with the code that fits errno best. */
int fail_system(struct bs_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* BS_NO_MEMORY, "out of memory". */
int fail_memory(struct bs_error *err) __attribute__((cold));

/* Puts "prefix: " before the message of an error that is already set; returns -1. */
int fail_prefix(struct bs_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* The analyzer sees one file at a time.  These macros tell it that the functions return -1. */
#ifdef __clang_analyzer__
#define fail(...)        ((fail)(__VA_ARGS__), -1)
#define fail_errno(...)  ((fail_errno)(__VA_ARGS__), -1)
#define fail_system(...) ((fail_system)(__VA_ARGS__), -1)
#define fail_memory(err) ((fail_memory)(err), -1)
#define fail_prefix(...) ((fail_prefix)(__VA_ARGS__), -1)
#endif

#endif
