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
#include "util/vector.h"

/* The header's sector and the part of the descriptor behind it that QEMU reads and writes. */
#define VMDK_HEAD_SIZE (512u + 10240u)

/*
 * The greatest length of a descriptor file.  No disk with Windows is so short, so a raw disk to
 * which a guest wrote a descriptor is not taken for a descriptor file.
 */
#define VMDK_DESCRIPTOR_MAX 65536u

/* A disk in more files is refused: each file takes four descriptors during a fix. */
#define VMDK_FILES_MAX 128u

/*
 * The room for a sparse extent in an image in several files (vmdk_extent_room()).  An undo file counts
 * with it, and bootshift-journal(5) states it: whoever changes these numbers must be able to read
 * earlier undo files.
 */
#define VMDK_ROOM_SHARE 16u         /* one byte more for so many bytes of the disk */
#define VMDK_ROOM_MORE  (16u << 20) /* bytes */
#define VMDK_ROOM_UNIT  (1u << 20)  /* bytes; the room is a multiple of them */

/* The length of a descriptor from vmdk_compose(), with zeros at its end: what QEMU reads and writes. */
#define VMDK_COMPOSED_SIZE 10240u

#define VMDK_NO_PARENT 0xffffffffu /* the identifier of the parent, if there is none */

struct vmdk_extent {
	char name[FORMAT_EXTENT_NAME_MAX + 1]; /* as the descriptor has it */
	char type[16];                         /* FLAT, SPARSE and others */
	bool writable, has_offset;
	uint64_t offset, length; /* in the file, bytes, whole sectors */
};

DEFINE_VECTOR(vmdk_extents, struct vmdk_extent);

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
 * Decodes a descriptor file of `length` bytes, at most VMDK_DESCRIPTOR_MAX.  The disk must be in
 * extents that are all flat or all sparse, one after the other.  Only sparse ones may have a parent.
 * Each extent then is in a file of the descriptor's folder, which no other extent names.  If there are
 * several, each begins at the first byte of its file.  The caller frees *extents, also on error.
 * Errors: those of vmdk_decode_sparse(); BS_CONTAINER_DIFFERENCING for the parent of a disk of
 * another kind; BS_CONTAINER_SPLIT for more than VMDK_FILES_MAX extents; BS_NO_MEMORY.
 */
MUST_CHECK int vmdk_decode_descriptor(const uint8_t *bytes, size_t length,
				      struct vmdk_extents *extents, struct bs_error *err);

/*
 * Reads a descriptor file.  The caller frees *extents, also on error.  Errors: those of
 * vmdk_decode_descriptor(), those of reading.
 */
MUST_CHECK int vmdk_read_extents(struct disk *container, struct vmdk_extents *extents,
				 struct bs_error *err);

bool vmdk_extent_is_sparse(const struct vmdk_extent *extent);

/*
 * The bytes of the image that belong to the file of an extent: all that it may ever have.  The file
 * of a flat extent ends with the extent.  A sparse one can grow, to the grains of its part of the disk and
 * their tables, and never fills the room.  The extent is one of vmdk_decode_descriptor().
 */
uint64_t vmdk_extent_room(const struct vmdk_extent *extent);

/*
 * Checks the header of a file with a sparse extent whose part of the disk has `disk_size` bytes.  Sets
 * *grain_size, bytes, a power of two.  Errors: those of vmdk_decode_sparse(), and those of reading.
 */
MUST_CHECK int vmdk_check_part(struct disk *part, uint64_t disk_size, uint64_t *grain_size,
			       struct bs_error *err);

/*
 * Writes a descriptor of the extents in files with the names "PREFIX1", "PREFIX2" and so on.  It has
 * nothing else of the original but the identifiers in *format, so QEMU's driver learns no other name.
 * The prefix has at most 24 bytes.
 */
void vmdk_compose(const struct vmdk_extents *extents, const struct format *format,
		  const char *prefix, char text[VMDK_COMPOSED_SIZE]);

#endif
