/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the footer and the dynamic header of a VHD.  Source of the layout and of all constants:
 * Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0 (2006).
 *
 * The size of the guest's disk is always the footer's "current size", as for Hyper-V and Windows.
 * Virtual PC, and QEMU for some creators, use the geometry: this size rounded down to whole
 * cylinders.  Both sizes give the same bytes at the same offsets.  The larger size can only add
 * unused sectors at the end.  The smaller size can cut off a partition that another program has
 * made later.
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
	uint64_t dynamic_header_offset; /* bytes; not used for VHD_FIXED */
	bool saved_state;
};

struct vhd_dynamic_header {
	uint64_t table_offset;         /* of the block allocation table, bytes */
	uint32_t table_entries;        /* of four bytes */
	uint32_t block_size;           /* bytes of the guest's disk, a power of two from 512 on */
	char parent_name[256 * 3 + 1]; /* UTF-8; empty when there is none */
};

/*
 * Reads the footer at the end of a container.  `bytes` has room for VHD_FOOTER_SIZE.  *length is
 * VHD_FOOTER_SIZE or VHD_OLD_FOOTER_SIZE, or 0 when the container ends without the cookie of a
 * footer.  The function checks only the cookie.  Errors: those of reading.
 */
MUST_CHECK int vhd_read_footer(struct disk *container, uint8_t *bytes, size_t *length,
			       struct bs_error *err);

/*
 * Decodes a footer of VHD_FOOTER_SIZE or VHD_OLD_FOOTER_SIZE bytes.  Error: BS_VHD_CORRUPT
 * (another length, no cookie, a wrong checksum, an unknown version or type).
 */
MUST_CHECK int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
				 struct bs_error *err);

/*
 * Decodes the header of a dynamic or differencing VHD, VHD_DYNAMIC_HEADER_SIZE bytes.  Error:
 * BS_VHD_CORRUPT (another length, no cookie, a wrong checksum, an unknown version, an impossible
 * block size).
 */
MUST_CHECK int vhd_decode_dynamic_header(const uint8_t *bytes, size_t length,
					 struct vhd_dynamic_header *header, struct bs_error *err);

#endif
