/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a batch left out though it may have been meant: the first thousand, for the page. */
#ifndef BOOTSHIFT_BATCH_LEFT_OUT_H
#define BOOTSHIFT_BATCH_LEFT_OUT_H

#include "rows/summary.h"

#define LEFT_OUT_MAX 1000u

/* Starts as all zeros; ends with left_out_free(). */
struct left_out {
	struct summary_file *files;
	size_t count;
	uint64_t more; /* those for which there was no room */
};

/* Keeps a file with the reason, or counts it. */
void left_out_add(struct left_out *left_out, const char *path, const char *reason);

void left_out_free(struct left_out *left_out);

#endif
