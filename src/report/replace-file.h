/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a file completely or not at all: a new file replaces the old one when it is complete. */
#ifndef BOOTSHIFT_REPORT_REPLACE_FILE_H
#define BOOTSHIFT_REPORT_REPLACE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "util/err.h"

/* A kind of files that bootshift writes, and how such a file is recognised. */
struct file_kind {
	const char *what;  /* for messages: "plan file" */
	const char *start; /* the first bytes of such a file */
	const char *mark;  /* a text in its first FILE_KIND_HEAD bytes */
};

#define FILE_KIND_HEAD 4096 /* bytes by which a kind is recognised */

/* Whether a file is of a kind, by its first bytes as a string of up to FILE_KIND_HEAD bytes. */
bool file_kind_is(const struct file_kind *kind, const char *head);

/*
 * Checks that a file can be written.  Called before a long task that writes its result there.  The
 * file may replace only an empty file or an earlier file of its kind.  The function accepts a path
 * that is no regular file, such as a pipe, but refuses a block device, which may hold a disk.
 * Errors: BS_FILE_EXISTS, and those of replace_file_fail().
 */
MUST_CHECK int replace_file_check(const char *path, const struct file_kind *kind,
				  struct bs_error *err);

/* Whether two paths lead to the same file.  The file need not exist yet. */
bool replace_file_is_same(const char *one, const char *other);

/*
 * Writes the content of a file to a stream.  Errors of the stream are left to ferror(), with errno.
 * Returns -1 with *err for any other error.
 */
typedef int replace_file_content(FILE *stream, void *context, struct bs_error *err);

/*
 * Writes a file.  It appears under its name only when it is complete and on the storage.  A path
 * that is no regular file, such as a pipe or a device, is written to directly; "-" is standard
 * output.  `what` is for messages: "plan file".  Errors: those of the content, those of
 * replace_file_fail(), and BS_OUTPUT for what is no regular file.
 */
MUST_CHECK int replace_file_write(const char *path, const char *what, replace_file_content *content,
				  void *context, struct bs_error *err);

/*
 * Sets an error by errno: BS_NOT_FOUND, BS_NO_PERMISSION, BS_NO_SPACE or BS_IO.  The message names
 * the file, because a report may show the error with another name: "the plan file 'x' cannot be
 * opened: ...".
 */
int replace_file_fail(const char *path, const char *what, const char *problem,
		      struct bs_error *err);

#ifdef __clang_analyzer__ /* as in util/err.h */
#define replace_file_fail(...) ((replace_file_fail)(__VA_ARGS__), -1)
#endif

#endif
