/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decodes the descriptor of a VMDK, for the two decoders in vmdk.c. */
#ifndef BOOTSHIFT_VMDK_DESCRIPTOR_H
#define BOOTSHIFT_VMDK_DESCRIPTOR_H

#include <stdbool.h>

#include "format/vmdk.h"

struct vmdk_descriptor {
	char create_type[32];
	struct vmdk_extents extents; /* at least one, and none is empty */
	struct format_parent parent; /* as in struct format */
	uint32_t identifier;
};

/*
 * Decodes a descriptor of `length` bytes, or up to the first zero byte.  The caller frees
 * descriptor->extents, also on error.  The errors are those of all types of VMDK:
 * BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING (a parent without a name or without an
 * identifier), BS_VMDK_ENCRYPTED, BS_READ_ONLY, BS_FORMAT_UNSUPPORTED, BS_FORMAT_UNREADABLE,
 * BS_NO_MEMORY.
 */
MUST_CHECK int vmdk_descriptor_decode(const uint8_t *bytes, size_t length,
				      struct vmdk_descriptor *descriptor, struct bs_error *err);

/*
 * Reports the parent and VirtualBox's UUIDs that the descriptor names, and, if `parts` is true, the
 * files with the extents.
 */
void vmdk_descriptor_refer(const uint8_t *bytes, size_t length, bool parts,
			   const struct reference_taker *taker);

#endif
