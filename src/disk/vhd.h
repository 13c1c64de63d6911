/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The footer of a VHD: bytes in, facts out.  Source of the layout and of all constants: Microsoft,
 * "Virtual Hard Disk Image Format Specification", version 1.0 (2006).
 */
#ifndef BOOTSHIFT_VHD_H
#define BOOTSHIFT_VHD_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

#define VHD_FOOTER_SIZE     512u
#define VHD_OLD_FOOTER_SIZE 511u /* written by versions before Virtual PC 2004 */

enum vhd_type {
	VHD_FIXED = 2,
	VHD_DYNAMIC = 3,
	VHD_DIFFERENCING = 4,
};

struct vhd_footer {
	enum vhd_type type;
	uint64_t current_size; /* bytes of the guest's disk */
	bool saved_state;
};

/* True when the bytes begin like a footer; everything else in it may still be wrong. */
bool vhd_looks_like_footer(const uint8_t *bytes, size_t length);

/*
 * Decodes a footer of VHD_FOOTER_SIZE or VHD_OLD_FOOTER_SIZE bytes.  BS_VHD_CORRUPT when it is not
 * one: another length, no cookie, a wrong checksum, an unknown version or type.
 */
MUST_CHECK int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
				 struct bs_error *err);

/*
 * Succeeds when the footer is that of a fixed VHD whose disk lies in the `payload_size` bytes
 * before it and can be changed: BS_VHD_DIFFERENCING, BS_FORMAT_UNSUPPORTED (dynamic),
 * BS_VHD_SAVED_STATE, BS_VHD_CORRUPT (a size that cannot be).
 */
MUST_CHECK int vhd_check_fixed(const struct vhd_footer *footer, uint64_t payload_size,
			       struct bs_error *err);

#endif
