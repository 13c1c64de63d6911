/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a file whole or not at all. */
#ifndef BOOTSHIFT_REPORT_WHOLE_FILE_H
#define BOOTSHIFT_REPORT_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "util/err.h"

/* Files of one kind that bootshift writes, and by what they are known. */
struct whole_file_kind {
	const char *what;  /* for messages */
	const char *start; /* what each of them begins with, */
	const char *mark;  /* and what stands in its first 4096 bytes */
};

extern const struct whole_file_kind whole_file_page, whole_file_plan, whole_file_rows;

/*
 * Whether a file can be written here, for whoever works long before it is: it can be created, and
 * it replaces nothing but an empty file or an earlier one of its kind.  What is no ordinary file,
 * such as a pipe, is taken for what was meant, but for a block device, which may hold a disk.
 * Errors: BS_FILE_EXISTS, and as whole_file_fail().
 */
MUST_CHECK int whole_file_check(const char *path, const struct whole_file_kind *kind,
				struct bs_error *err);

/* Whether two names are those of one file, or of one that is still to be created. */
bool whole_file_is_same(const char *one, const char *other);

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
