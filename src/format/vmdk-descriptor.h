/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text that describes a VMDK, as its two codecs in vmdk.c need it. */
#ifndef BOOTSHIFT_VMDK_DESCRIPTOR_H
#define BOOTSHIFT_VMDK_DESCRIPTOR_H

#include <stdbool.h>

#include "format/vmdk.h"

struct vmdk_descriptor {
	char create_type[32];
	uint32_t extent_count;
	/* The last extent, which is the only one of the disks that are accepted. */
	bool writable;
	char extent_type[16]; /* FLAT, SPARSE and others */
	bool has_offset;
	struct vmdk_extent extent;
};

/*
 * Decodes a descriptor of `length` bytes or up to the first zero.  Refuses what is wrong with any
 * disk of which it tells: BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING, BS_VMDK_ENCRYPTED,
 * BS_CONTAINER_SPLIT (more extents than one), BS_READ_ONLY, BS_FORMAT_UNSUPPORTED.
 */
MUST_CHECK int vmdk_descriptor_decode(const uint8_t *bytes, size_t length,
				      struct vmdk_descriptor *descriptor, struct bs_error *err);

/*
 * Tells what the same bytes say of the parent and of VirtualBox's UUIDs, and, if `parts`, of the
 * files with the extents.
 */
void vmdk_descriptor_refer(const uint8_t *bytes, size_t length, bool parts,
			   const struct reference_taker *taker);

#endif
