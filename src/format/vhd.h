/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The footer and the dynamic header of a VHD: bytes in, facts out.  Source of the layout and of all
 * constants: Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0 (2006).
 *
 * The size of the guest's disk is always the footer's "current size", as Hyper-V and Windows take
 * it.  Virtual PC goes by the geometry, which is that size rounded down to whole cylinders, and so
 * does QEMU for some creators.  Both disks have the same bytes at the same places; the longer one
 * can only have unused sectors at its end, while the shorter one can cut a partition that was made
 * by another program later.
 */
#ifndef BOOTSHIFT_VHD_H
#define BOOTSHIFT_VHD_H

#include <stdbool.h>
#include <stddef.h>

#include "disk/disk.h"

#define VHD_FOOTER_SIZE         512u
#define VHD_OLD_FOOTER_SIZE     511u /* written by versions before Virtual PC 2004 */
#define VHD_DYNAMIC_HEADER_SIZE 1024u

enum vhd_type {
	VHD_FIXED = 2,
	VHD_DYNAMIC = 3,
	VHD_DIFFERENCING = 4,
};

struct vhd_footer {
	enum vhd_type type;
	uint64_t current_size;          /* bytes of the guest's disk */
	uint64_t dynamic_header_offset; /* bytes; not for fixed ones */
	bool saved_state;
};

struct vhd_dynamic_header {
	uint64_t table_offset;         /* of the block allocation table, bytes */
	uint32_t table_entries;        /* of four bytes */
	uint32_t block_size;           /* bytes of the guest's disk, a power of two from 512 on */
	char parent_name[256 * 3 + 1]; /* UTF-8; empty when there is none */
};

/*
 * Reads the last bytes of a container, as a VHD's footer of today's length or of the old one;
 * `bytes` has room for VHD_FOOTER_SIZE.  *length is 0 when nothing there begins like a footer;
 * everything else in it may still be wrong.  Errors: those of reading.
 */
MUST_CHECK int vhd_read_footer(struct disk *container, uint8_t *bytes, size_t *length,
			       struct bs_error *err);

/*
 * Decodes a footer of VHD_FOOTER_SIZE or VHD_OLD_FOOTER_SIZE bytes.  BS_VHD_CORRUPT when it is not
 * one: another length, no cookie, a wrong checksum, an unknown version or type.
 */
MUST_CHECK int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
				 struct bs_error *err);

/*
 * Decodes the header of a dynamic or differencing VHD, VHD_DYNAMIC_HEADER_SIZE bytes.
 * BS_VHD_CORRUPT when it is not one: another length, no cookie, a wrong checksum, an unknown
 * version, an impossible block size.
 */
MUST_CHECK int vhd_decode_dynamic_header(const uint8_t *bytes, size_t length,
					 struct vhd_dynamic_header *header, struct bs_error *err);

#endif
