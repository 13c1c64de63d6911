/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a file whole or not at all. */
#ifndef BOOTSHIFT_REPORT_WHOLE_FILE_H
#define BOOTSHIFT_REPORT_WHOLE_FILE_H

#include <stdio.h>

#include "util/err.h"

/*
 * Writes the content of a file to a stream.  What goes wrong with the stream itself is left to be
 * found by ferror(), with its errno; returns -1 with *err for anything else.
 */
typedef int whole_file_content(FILE *stream, void *context, struct bs_error *err);

/*
 * Writes a file under its name only when it is on the storage.  What is there and is no ordinary
 * file, such as a pipe or a device, is written to directly; "-" is standard output.  `what` is for
 * the message: "plan file".  Errors: those of the content, and by errno as whole_file_fail() tells.
 */
MUST_CHECK int whole_file_write(const char *path, const char *what, whole_file_content *content,
				void *context, struct bs_error *err);

/* BS_NOT_FOUND, BS_NO_PERMISSION, BS_NO_SPACE or BS_IO: "the plan file 'x' cannot be ...: ...". */
int whole_file_fail(const char *path, const char *what, const char *problem, struct bs_error *err);

#ifdef __clang_analyzer__ /* as in util/err.h */
#define whole_file_fail(...) ((whole_file_fail)(__VA_ARGS__), -1)
#endif

#endif
