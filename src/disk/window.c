/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window_open() checks that the window lies within the disk below, so adding its offset to a
 * checked offset cannot overflow.  If the disk below becomes shorter later, its own check fails.
 */
#include "disk/window.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/bytes.h"

struct window {
	struct disk disk;
	struct disk *below;
	uint64_t offset;
};

static int window_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	struct window *window = (struct window *)disk;

	return disk_read(window->below, window->offset + offset, buffer, length, err);
}

static int window_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	struct window *window = (struct window *)disk;

	return disk_write(window->below, window->offset + offset, buffer, length, err);
}

static int window_flush(struct disk *disk, struct bs_error *err)
{
	return disk_flush(((struct window *)disk)->below, err);
}

static void window_close(struct disk *disk)
{
	free(disk);
}

static int window_descriptor(const struct disk *disk)
{
	return disk_descriptor(((const struct window *)disk)->below);
}

static const struct disk_operations window_operations = {
	.read = window_read,
	.write = window_write,
	.flush = window_flush,
	.close = window_close,
	.descriptor = window_descriptor,
};

struct disk *window_open(struct disk *below, uint64_t offset, uint64_t length, struct bs_error *err)
{
	struct window *window;

	if (!range_within(offset, length, disk_size(below))) {
		fail(err, BS_OUT_OF_RANGE,
		     "%" PRIu64 " bytes at %" PRIu64 " do not lie within the %" PRIu64
		     " bytes of the disk",
		     length, offset, disk_size(below));
		return NULL;
	}
	window = calloc(1, sizeof(*window));
	if (!window) {
		fail_memory(err);
		return NULL;
	}
	window->disk.operations = &window_operations;
	window->disk.size = length;
	window->below = below;
	window->offset = offset;
	return &window->disk;
}
