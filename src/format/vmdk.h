/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMDK: the header of a sparse extent, and the descriptor, a text in front of its grains or in a
 * file of its own.  Bytes in, facts or a reason to refuse out.  Source of the layout and of all
 * constants: VMware, "Virtual Disk Format 5.0" (2011), and QEMU's block/vmdk.c.
 */
#ifndef BOOTSHIFT_VMDK_H
#define BOOTSHIFT_VMDK_H

#include <stddef.h>

#include "format/codec.h"

/* The header's sector and the descriptor behind it, as far as QEMU reads and writes that. */
#define VMDK_HEAD_SIZE (512u + 10240u)

/*
 * A descriptor in a file of its own is never longer, and no disk with Windows is so short: so a
 * raw disk whose guest wrote a descriptor is not taken for one.
 */
#define VMDK_DESCRIPTOR_MAX 65536u

struct vmdk_extent {
	char name[FORMAT_EXTENT_NAME_MAX + 1]; /* in the descriptor's folder; never a path */
	uint64_t offset, length;               /* of the disk in that file, bytes, whole sectors */
};

/*
 * Decodes the first `length` bytes, VMDK_HEAD_SIZE unless the file is shorter, of a file of
 * `file_size` bytes that is a disk of its own (monolithicSparse).  *disk_size is in bytes.  Errors:
 * BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING, BS_CONTAINER_COMPRESSED, BS_VMDK_ENCRYPTED,
 * BS_CONTAINER_PART (it is one of several files), BS_CONTAINER_SPLIT (it names others),
 * BS_READ_ONLY (described as that), BS_FORMAT_UNSUPPORTED (a kind that QEMU reads only),
 * BS_FORMAT_UNREADABLE (one that it does not read).
 */
MUST_CHECK int vmdk_decode_sparse(const uint8_t *bytes, size_t length, uint64_t file_size,
				  uint64_t *disk_size, struct bs_error *err);

/*
 * Decodes a descriptor file of `length` bytes, at most VMDK_DESCRIPTOR_MAX: of a disk that is one
 * flat extent, in another file.  The same errors.
 */
MUST_CHECK int vmdk_decode_descriptor(const uint8_t *bytes, size_t length,
				      struct vmdk_extent *extent, struct bs_error *err);

#endif
