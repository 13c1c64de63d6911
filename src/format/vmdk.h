/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMDK: the header of a sparse extent, and the descriptor, a text in front of its grains or in a
 * file of its own.  Bytes in, facts or a reason to refuse out.  Source of the layout and of all
 * constants: VMware, "Virtual Disk Format 5.0" (2011), and QEMU's block/vmdk.c.
 */
#ifndef BOOTSHIFT_VMDK_H
#define BOOTSHIFT_VMDK_H

#include <stdbool.h>
#include <stddef.h>

#include "format/reference.h"
#include "util/err.h"

/* The header's sector and the descriptor behind it, as far as QEMU reads and writes that. */
#define VMDK_HEAD_SIZE (512u + 10240u)

/*
 * A descriptor in a file of its own is never longer, and no disk with Windows is so short: so a
 * raw disk whose guest wrote a descriptor is not taken for one.
 */
#define VMDK_DESCRIPTOR_MAX 65536u

#define VMDK_EXTENT_NAME_MAX 255

struct vmdk_extent {
	char name[VMDK_EXTENT_NAME_MAX + 1]; /* in the descriptor's folder; never a path */
	uint64_t offset, length;             /* of the disk in that file, bytes, whole sectors */
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

#define VMDK_TABLE_ENTRY_SIZE 4u

/*
 * By what a sparse file finds its grains: a directory, whose entries lead to tables of as large
 * entries.  Both directories lie within the file.
 */
struct vmdk_tables {
	uint64_t directory_offset; /* bytes */
	uint64_t copy_offset;      /* of the second directory, with tables of its own; 0: none */
	uint64_t directory_entries;
	uint32_t table_entries; /* of each table, 1 to 512 */
	uint64_t grain_size;    /* bytes, a power of two */
	uint64_t grains;        /* of the disk */
	bool zero_grains;       /* an entry of 1 stands for a grain of zeros */
};

/*
 * Decodes the same bytes, of a file that vmdk_decode_sparse() has accepted.  BS_CONTAINER_CORRUPT.
 */
MUST_CHECK int vmdk_decode_tables(const uint8_t *bytes, size_t length, uint64_t file_size,
				  struct vmdk_tables *tables, struct bs_error *err);

/*
 * Decodes a descriptor file of `length` bytes, at most VMDK_DESCRIPTOR_MAX: of a disk that is one
 * flat extent, in another file.  The same errors.
 */
MUST_CHECK int vmdk_decode_descriptor(const uint8_t *bytes, size_t length,
				      struct vmdk_extent *extent, struct bs_error *err);

/*
 * Tells what the first `length` bytes of a file, of either kind, say of others: at most
 * VMDK_DESCRIPTOR_MAX.  In a sparse extent the descriptor names the file itself, perhaps as it was
 * called before; that is not told.
 */
void vmdk_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker);

#endif
