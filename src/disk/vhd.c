/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers of a footer are big-endian.  The checksum is the one's complement of the sum of the
 * footer's bytes, its own four taken as zeros.
 */
#include "disk/vhd.h"

#include <inttypes.h>

#include "util/bytes.h"

enum {
	COOKIE_OFFSET = 0,
	VERSION_OFFSET = 12,
	CURRENT_SIZE_OFFSET = 48,
	TYPE_OFFSET = 60,
	CHECKSUM_OFFSET = 64,
	SAVED_STATE_OFFSET = 84,
	SECTOR_SIZE = 512,
};

static const uint8_t cookie[8] = "conectix";

_Static_assert(SAVED_STATE_OFFSET < VHD_OLD_FOOTER_SIZE, "both lengths hold every field");

bool vhd_looks_like_footer(const uint8_t *bytes, size_t length)
{
	return length >= sizeof(cookie) &&
	       memcmp(bytes + COOKIE_OFFSET, cookie, sizeof(cookie)) == 0;
}

static uint32_t compute_checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		if (i < CHECKSUM_OFFSET || i >= CHECKSUM_OFFSET + 4)
			sum += bytes[i];
	return ~sum;
}

int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
		      struct bs_error *err)
{
	uint32_t version, type;

	if ((length != VHD_FOOTER_SIZE && length != VHD_OLD_FOOTER_SIZE) ||
	    !vhd_looks_like_footer(bytes, length))
		return fail(err, BS_VHD_CORRUPT, "there is no VHD footer");
	if (load_be32(bytes + CHECKSUM_OFFSET) != compute_checksum(bytes, length))
		return fail(err, BS_VHD_CORRUPT, "the checksum of the VHD footer is wrong");
	/* The upper half is the major version; minor ones are compatible. */
	version = load_be32(bytes + VERSION_OFFSET);
	if (version >> 16 != 1)
		return fail(err, BS_VHD_CORRUPT, "the VHD footer has the unknown version %" PRIu32,
			    version >> 16);
	type = load_be32(bytes + TYPE_OFFSET);
	if (type != VHD_FIXED && type != VHD_DYNAMIC && type != VHD_DIFFERENCING)
		return fail(err, BS_VHD_CORRUPT, "the VHD footer has the unknown type %" PRIu32,
			    type);
	footer->type = (enum vhd_type)type;
	footer->current_size = load_be64(bytes + CURRENT_SIZE_OFFSET);
	footer->saved_state = bytes[SAVED_STATE_OFFSET] != 0;
	return 0;
}

int vhd_check_fixed(const struct vhd_footer *footer, uint64_t payload_size, struct bs_error *err)
{
	if (footer->type == VHD_DIFFERENCING)
		return fail(err, BS_VHD_DIFFERENCING,
			    "is a differencing VHD: it holds only the changes to another file, "
			    "its parent");
	if (footer->type != VHD_FIXED)
		return fail(err, BS_FORMAT_UNSUPPORTED, "dynamic VHD is not supported yet");
	if (footer->saved_state)
		return fail(err, BS_VHD_SAVED_STATE,
			    "the VHD belongs to a virtual machine with a saved state");
	if (footer->current_size == 0 || footer->current_size % SECTOR_SIZE != 0)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer gives the impossible disk size %" PRIu64,
			    footer->current_size);
	if (footer->current_size > payload_size)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer gives a disk of %" PRIu64
			    " bytes, but the file holds only %" PRIu64 " before it",
			    footer->current_size, payload_size);
	return 0;
}
