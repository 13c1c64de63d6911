/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/left-out.h"

#include <stdlib.h>
#include <string.h>

void left_out_add(struct left_out *left_out, const char *path, const char *reason)
{
	struct summary_file *file;

	if (!left_out->files)
		left_out->files = calloc(LEFT_OUT_MAX, sizeof(*left_out->files));
	if (!left_out->files || left_out->count == LEFT_OUT_MAX) {
		left_out->more++;
		return;
	}
	file = &left_out->files[left_out->count];
	*file = (struct summary_file){.path = strdup(path), .reason = strdup(reason)};
	if (file->path && file->reason) {
		left_out->count++;
		return;
	}
	free(file->path);
	free(file->reason);
	left_out->more++;
}

void left_out_free(struct left_out *left_out)
{
	for (size_t i = 0; i < left_out->count; i++) {
		free(left_out->files[i].path);
		free(left_out->files[i].reason);
	}
	free(left_out->files);
}
