/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stores the picture of the last screen of a start. */
#ifndef BOOTSHIFT_REPORT_PICTURE_H
#define BOOTSHIFT_REPORT_PICTURE_H

#include "report/replace-file.h"

/* PNG files: what a picture may replace. */
extern const struct file_kind picture_kind;

/*
 * Stores the picture in result->start, if there is one, in the file `path`.  If `path` is NULL, the
 * picture is stored only if the start is not proven: under a new name in $TMPDIR, or in /tmp.  Sets
 * picture_path in result->start, and adds the path to the message of BS_START_FAILED.  Returns 0,
 * or -1 with an error if `path` cannot be written, or if the start has no picture for `path`; the
 * function then leaves the result unchanged.
 */
MUST_CHECK int picture_store(struct bs_result *result, const char *path, struct bs_error *err);

#endif
