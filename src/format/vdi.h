/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a VDI image of VirtualBox, version 1.1: bytes in, the disk's size or a reason to
 * refuse it out.  Source of the layout and of all constants: VirtualBox,
 * src/VBox/Storage/VDICore.h, and what QEMU's block/vdi.c demands beyond it.
 */
#ifndef BOOTSHIFT_VDI_H
#define BOOTSHIFT_VDI_H

#include <stdbool.h>
#include <stddef.h>

#include "format/reference.h"
#include "util/err.h"

#define VDI_HEADER_SIZE 512u

/*
 * Decodes the first `length` bytes, VDI_HEADER_SIZE unless the image is shorter, of an image of
 * `file_size` bytes.  *disk_size is in bytes and whole sectors.  Errors: BS_CONTAINER_CORRUPT,
 * BS_VDI_DIFFERENCING, BS_FORMAT_UNREADABLE (another version, or a layout that QEMU does not
 * know).
 */
MUST_CHECK int vdi_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			  uint64_t *disk_size, struct bs_error *err);

#define VDI_TABLE_ENTRY_SIZE 4u
#define VDI_BLOCK_SIZE       (1u << 20) /* VirtualBox's own; QEMU writes no other */

/* By what an image finds its blocks: the block map, an entry for each block of the disk. */
struct vdi_tables {
	uint64_t map_offset, map_entries; /* bytes of the file; as many as the disk needs */
	uint64_t data_offset;             /* bytes of the file, where block 0 lies */
};

/* Decodes the same bytes, of an image that vdi_decode() has accepted. */
void vdi_decode_tables(const uint8_t *bytes, struct vdi_tables *tables);

/* Finds where a block lies, in bytes of the file.  False when the entry has none. */
bool vdi_decode_entry(const struct vdi_tables *tables, const uint8_t *bytes, uint64_t *offset);

/*
 * Tells the UUIDs in the first `length` bytes of an image: its own and, when it has one, its
 * parent's.  A VDI image names no files.
 */
void vdi_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker);

#endif
