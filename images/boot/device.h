/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices as the store names them, and the partitions that they lead to.
 */
#ifndef BOOT_DEVICE_H
#define BOOT_DEVICE_H

#include "bios.h"
#include "bytes.h"

struct place {
	uint8_t disk;
	uint32_t first_sector;
};

/* "partition 2 of disk 0x80" */
void add_place(struct line *line, const struct place *place);

/*
 * The partition of a device element; `own` is where bootmgr came from.  False when it is not here,
 * or of a kind that is not followed: on a GPT, in a virtual disk, one that has to be searched for.
 */
bool device_find(const struct bytes *device, const struct place *own, struct place *place);

/* Whether the volume has to be searched for, by the path in that element of the object; 0: by none. */
bool device_locate(const struct bytes *device, uint32_t *element);

/* A RAM disk: a file on another device, which has the form of an element, too. */
struct ram_disk {
	struct bytes parent;
	const uint16_t *path; /* units, without the final zero */
	uint32_t path_length;
};

/* False when the element is none. */
bool device_ram_disk(const struct bytes *device, struct ram_disk *ram_disk);

#endif
