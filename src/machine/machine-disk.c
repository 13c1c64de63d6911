/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/machine-disk.h"

#include <stdlib.h>

#include "disk/overlay.h"

struct machine_disk {
	struct disk disk;
	struct disk *overlay;
	uint64_t left; /* bytes that may still be written */
};

static int machine_disk_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			     struct bs_error *err)
{
	return disk_read(((struct machine_disk *)disk)->overlay, offset, buffer, length, err);
}

/* The bytes of the blocks that a write touches: so much memory the overlay may need for it. */
static uint64_t machine_disk_cost(uint64_t offset, size_t length)
{
	uint64_t first = offset / OVERLAY_BLOCK_SIZE;
	uint64_t last = (offset + length - 1) / OVERLAY_BLOCK_SIZE;

	return length > 0 ? (last - first + 1) * OVERLAY_BLOCK_SIZE : 0;
}

static int machine_disk_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			      struct bs_error *err)
{
	struct machine_disk *view = (struct machine_disk *)disk;
	uint64_t cost = machine_disk_cost(offset, length);

	if (cost > view->left)
		return fail(err, BS_NO_SPACE, "the guest has written too much");
	view->left -= cost;
	return disk_write(view->overlay, offset, buffer, length, err);
}

static void machine_disk_close(struct disk *disk)
{
	struct machine_disk *view = (struct machine_disk *)disk;

	disk_close(view->overlay);
	free(view);
}

struct disk *machine_disk_open(struct disk *below, uint64_t limit, struct bs_error *err)
{
	static const struct disk_operations operations = {
		.read = machine_disk_read,
		.write = machine_disk_write,
		.close = machine_disk_close,
	};
	struct machine_disk *view = malloc(sizeof(*view));
	struct overlay *overlay;

	if (!view) {
		fail_memory(err);
		return NULL;
	}
	overlay = overlay_open(below, limit, NULL, err);
	if (!overlay) {
		free(view);
		return NULL;
	}
	*view = (struct machine_disk){
		.disk = {.operations = &operations, .size = disk_size(below)},
		.overlay = overlay_disk(overlay),
		.left = limit,
	};
	return &view->disk;
}
