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

#include "util/err.h"

#define VHD_FOOTER_SIZE         512u
#define VHD_OLD_FOOTER_SIZE     511u /* written by versions before Virtual PC 2004 */
#define VHD_DYNAMIC_HEADER_SIZE 1024u
#define VHD_LOCATORS            8u /* in a dynamic header, used or not */

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

/* True when the bytes begin like a footer; everything else in it may still be wrong. */
bool vhd_looks_like_footer(const uint8_t *bytes, size_t length);

/*
 * Decodes a footer of VHD_FOOTER_SIZE or VHD_OLD_FOOTER_SIZE bytes.  BS_VHD_CORRUPT when it is not
 * one: another length, no cookie, a wrong checksum, an unknown version or type.
 */
MUST_CHECK int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
				 struct bs_error *err);

#define VHD_TABLE_ENTRY_SIZE 4u /* of the block allocation table */

/* The length of a block in the file, bytes: a bitmap of its sectors, and its data. */
uint64_t vhd_block_length(const struct vhd_dynamic_header *header);

/* Finds where a block lies, in bytes of the file.  False when the entry has none. */
bool vhd_decode_entry(const uint8_t *bytes, uint64_t *offset);

/*
 * Decodes the header of a dynamic or differencing VHD, VHD_DYNAMIC_HEADER_SIZE bytes.
 * BS_VHD_CORRUPT when it is not one: another length, no cookie, a wrong checksum, an unknown
 * version, an impossible block size.
 */
MUST_CHECK int vhd_decode_dynamic_header(const uint8_t *bytes, size_t length,
					 struct vhd_dynamic_header *header, struct bs_error *err);

/* Where a path of the parent lies: `length` bytes of UTF-16LE at `offset` of the file. */
struct vhd_locator {
	uint64_t offset;
	uint32_t length;
};

/*
 * Finds the locator number `index`, less than VHD_LOCATORS, in a dynamic header.  False when there
 * is none of the kinds that Windows writes.
 */
bool vhd_decode_locator(const uint8_t *bytes, uint32_t index, struct vhd_locator *locator);

/*
 * Succeeds when the footer is that of a fixed VHD whose disk lies in the `payload_size` bytes
 * before it and can be changed: BS_VHD_SAVED_STATE, BS_VHD_CORRUPT (a size that cannot be).
 */
MUST_CHECK int vhd_check_fixed(const struct vhd_footer *footer, uint64_t payload_size,
			       struct bs_error *err);

/*
 * Succeeds when a VHD of `file_size` bytes with these structures is a dynamic one that can be
 * changed.  `front` is the footer's copy at the start of the file, by which QEMU goes, so it has
 * to agree with the one at the end.  Errors: BS_VHD_DIFFERENCING, BS_VHD_SAVED_STATE,
 * BS_VHD_CORRUPT (the two disagree, a size or a place that cannot be).
 */
MUST_CHECK int vhd_check_dynamic(const struct vhd_footer *front, const struct vhd_footer *footer,
				 const struct vhd_dynamic_header *header, uint64_t file_size,
				 struct bs_error *err);

#endif
