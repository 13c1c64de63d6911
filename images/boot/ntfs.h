/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader of NTFS: whole files by their path.
 *
 * Knows folders of any size, fragmented files and attribute lists; not compressed, encrypted or
 * sparse ones.  Sectors have 512 bytes and are addressed with 32 bits.  Whatever a volume holds, it
 * ends with one of three answers.
 */
#ifndef BOOT_NTFS_H
#define BOOT_NTFS_H

#include "bios.h"
#include "bytes.h"

struct run {
	uint32_t first, length; /* sectors of the disk */
};

/* An attribute's content. */
struct stream {
	uint32_t size;        /* bytes */
	const uint8_t *value; /* of a resident one, else NULL */
	struct run *runs;
	uint32_t run_count;
};

struct volume {
	uint8_t disk;
	uint32_t first_sector;
	uint32_t cluster_sectors;
	uint32_t record_size, index_size; /* bytes */
	struct memory *memory;
	struct stream mft;
};

enum file_state {
	FILE_READ,
	FILE_MISSING,
	FILE_UNREADABLE,
};

/* False when there is no NTFS volume at that sector. */
bool volume_open(struct volume *volume, struct memory *memory, uint8_t disk, uint32_t first_sector);

/* A path has `length` UTF-16 units and begins with a backslash. */
enum file_state volume_read_file(struct volume *volume, const uint16_t *path, uint32_t length,
				 struct bytes *content);

#endif
