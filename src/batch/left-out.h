/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files that a batch left out although the user may expect them in the batch, for the page. */
#ifndef BOOTSHIFT_BATCH_LEFT_OUT_H
#define BOOTSHIFT_BATCH_LEFT_OUT_H

#include "rows/summary.h"

#define LEFT_OUT_MAX 1000u /* files that are kept; others are only counted */

/* Starts as all zeros; ends with left_out_free(). */
struct left_out {
	struct summary_file *files;
	size_t count;
	uint64_t more; /* number of files that are not kept */
};

/* Copies the path and the reason, or only counts the file if there are too many. */
void left_out_add(struct left_out *left_out, const char *path, const char *reason);

void left_out_free(struct left_out *left_out);

#endif
