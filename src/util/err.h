/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors.  The function that knows the cause sets the error.  Its callers may add prefixes.  Only
 * cli/ prints errors.
 *
 * Every function that can fail takes a `struct bs_error *err` as its last argument, which is
 * never NULL, and returns 0 or -1 (or a pointer or NULL).  `err->code` is one of the stable codes
 * of bootshift.h.  The message says what is wrong, without the image's name and without a final
 * full stop.  It gives no advice: the table of the codes has the advice for each code.
 */
#ifndef BOOTSHIFT_ERR_H
#define BOOTSHIFT_ERR_H

#include "bootshift.h"

#define MUST_CHECK __attribute__((warn_unused_result))

/* Sets *err and returns -1, so that `return fail(err, ...)` is the whole error path. */
int fail(struct bs_error *err, enum bs_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* Like fail(), and adds ": " and the description of errno to the message. */
int fail_errno(struct bs_error *err, enum bs_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* Like fail_errno(), with the code that fits errno best. */
int fail_system(struct bs_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Sets BS_NO_MEMORY, "out of memory"; returns -1. */
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
