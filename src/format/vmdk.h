/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the header and the descriptor of a VMDK.  A sparse extent has a header.  The descriptor
 * is a text behind this header or in a separate file.  Source of the layout and of all constants:
 * VMware, "Virtual Disk Format 5.0" (2011), and QEMU's block/vmdk.c.
 */
#ifndef BOOTSHIFT_VMDK_H
#define BOOTSHIFT_VMDK_H

#include <stddef.h>

#include "format/codec.h"

/* The header's sector and the part of the descriptor behind it that QEMU reads and writes. */
#define VMDK_HEAD_SIZE (512u + 10240u)

/*
 * The greatest length of a descriptor file.  No disk with Windows is so short, so a raw disk to
 * which a guest wrote a descriptor is not taken for a descriptor file.
 */
#define VMDK_DESCRIPTOR_MAX 65536u

struct vmdk_extent {
	char name[FORMAT_EXTENT_NAME_MAX + 1]; /* a file in the descriptor's folder; no path */
	uint64_t offset, length;               /* of the disk in the file, bytes, whole sectors */
};

/*
 * Decodes the start of a file of `file_size` bytes that is a whole disk (monolithicSparse).
 * `length` is VMDK_HEAD_SIZE, or less if the file is shorter.  Sets the fields disk_size, parent and
 * identifier of *format, which are zero.  Errors: BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING
 * (a parent without a name or without an identifier), BS_CONTAINER_COMPRESSED,
 * BS_VMDK_ENCRYPTED, BS_CONTAINER_PART (the file is one of several), BS_CONTAINER_SPLIT (the file
 * names others), BS_READ_ONLY (the descriptor says read-only), BS_FORMAT_UNSUPPORTED (QEMU reads
 * this kind, but does not write it), BS_FORMAT_UNREADABLE (QEMU does not read this kind).
 */
MUST_CHECK int vmdk_decode_sparse(const uint8_t *bytes, size_t length, uint64_t file_size,
				  struct format *format, struct bs_error *err);

/*
 * Decodes a descriptor file of `length` bytes, at most VMDK_DESCRIPTOR_MAX.  The disk must be one
 * flat extent in another file, and must not have a parent.  Errors: those of vmdk_decode_sparse();
 * BS_CONTAINER_DIFFERENCING for every parent.
 */
MUST_CHECK int vmdk_decode_descriptor(const uint8_t *bytes, size_t length,
				      struct vmdk_extent *extent, struct bs_error *err);

#endif
