/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "format/codec.h"

#include <stdlib.h>

#include "util/bytes.h"

int codec_read(struct disk *container, uint64_t offset, uint64_t most, uint8_t **bytes,
	       size_t *length, struct bs_error *err)
{
	uint64_t size = disk_size(container);

	*length = offset < size ? (size_t)min_u64(most, size - offset) : 0;
	*bytes = malloc(*length + 1); /* malloc(0) may return NULL */
	if (!*bytes)
		return fail_memory(err);
	return disk_read(container, offset, *bytes, *length, err);
}

void codec_describe_window(struct format *format, uint64_t size)
{
	format->access = FORMAT_DIRECT;
	format->offset = 0;
	format->length = size;
	format->disk_size = size;
}
