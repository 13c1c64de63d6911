/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "format/table-walk.h"

#include <stdbool.h>

#include "util/bytes.h"

#define CHUNK 65536u /* bytes read at a time */

static bool is_unused(const struct table *table, const uint8_t *bytes, size_t length)
{
	return bytes[0] == table->unused && memcmp(bytes, bytes + 1, length - 1) == 0;
}

int table_walk(struct disk *container, const struct table *table, table_visit *visit, void *context,
	       struct bs_error *err)
{
	const uint32_t size = table->entry_size;
	uint8_t chunk[CHUNK];
	uint64_t length;

	if (!mul_u64(table->entries, size, &length) ||
	    !range_within(table->offset, length, disk_size(container)))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the image lies beyond the file's end");
	for (uint64_t done = 0; done < length; done += CHUNK) {
		size_t part = (size_t)min_u64(CHUNK, length - done);

		if (disk_read(container, table->offset + done, chunk, part, err) != 0)
			return -1;
		if (is_unused(table, chunk, part))
			continue;
		for (size_t at = 0; at < part; at += size)
			if (visit(context, (done + at) / size, chunk + at, err) != 0)
				return -1;
	}
	return 0;
}
