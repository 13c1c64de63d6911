/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/join.h"

#include <stdlib.h>
#include <string.h>

#include "util/range.h"

struct join {
	struct disk disk;
	const struct join_part *parts; /* the caller's */
	size_t count;
};

/* Reads a range of a part.  Behind the end of its disk there are zeros. */
static int join_read_part(const struct join_part *part, struct range range, uint8_t *buffer,
			  struct bs_error *err)
{
	struct range there = range_intersect((struct range){0, disk_size(part->disk)}, range);

	memset(buffer + there.length, 0, (size_t)(range.length - there.length));
	return there.length > 0
		       ? disk_read(part->disk, range.offset, buffer, (size_t)there.length, err)
		       : 0;
}

static int join_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	const struct join *join = (const struct join *)disk;
	const struct range wanted = {offset, length};
	uint64_t start = 0;

	for (size_t i = 0; i < join->count; start += join->parts[i++].room) {
		struct range found =
			range_intersect((struct range){start, join->parts[i].room}, wanted);
		struct range in_part = {found.offset - start, found.length};

		if (found.length > 0 &&
		    join_read_part(&join->parts[i], in_part,
				   (uint8_t *)buffer + (found.offset - offset), err) < 0)
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

struct disk *join_open(const struct join_part *parts, size_t count, struct bs_error *err)
{
	struct join *join = calloc(1, sizeof(*join));

	if (!join) {
		fail_memory(err);
		return NULL;
	}
	*join = (struct join){.disk.operations = &join_operations, .parts = parts, .count = count};
	for (size_t i = 0; i < count; i++)
		if (!add_u64(join->disk.size, parts[i].room, &join->disk.size) ||
		    join->disk.size > INT64_MAX) {
			fail(err, BS_OUT_OF_RANGE, "the disks are too large to be one disk");
			free(join);
			return NULL;
		}
	return &join->disk;
}
