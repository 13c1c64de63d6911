/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/join.h"

#include <stdlib.h>

#include "util/range.h"

struct join {
	struct disk disk;
	struct disk *const *disks; /* the caller's */
	size_t count;
};

static int join_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	const struct join *join = (const struct join *)disk;
	const struct range wanted = {offset, length};
	uint64_t start = 0;

	for (size_t i = 0; i < join->count; start += disk_size(join->disks[i++])) {
		struct range part =
			range_intersect((struct range){start, disk_size(join->disks[i])}, wanted);

		if (part.length > 0 && disk_read(join->disks[i], part.offset - start,
						 (uint8_t *)buffer + (part.offset - offset),
						 (size_t)part.length, err) < 0)
			return -1;
	}
	return 0;
}

static void join_close(struct disk *disk)
{
	free(disk);
}

static const struct disk_operations join_operations = {
	.read = join_read,
	.close = join_close,
};

struct disk *join_open(struct disk *const *disks, size_t count, struct bs_error *err)
{
	struct join *join = calloc(1, sizeof(*join));

	if (!join) {
		fail_memory(err);
		return NULL;
	}
	*join = (struct join){.disk.operations = &join_operations, .disks = disks, .count = count};
	for (size_t i = 0; i < count; i++)
		if (!add_u64(join->disk.size, disk_size(disks[i]), &join->disk.size) ||
		    join->disk.size > INT64_MAX) {
			fail(err, BS_OUT_OF_RANGE, "the disks are too large to be one disk");
			free(join);
			return NULL;
		}
	return &join->disk;
}
