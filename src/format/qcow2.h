/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a qcow2 image, versions 2 and 3: bytes in, the disk's size or a reason to refuse
 * it out.  Source of the layout and of all constants: QEMU, docs/interop/qcow2.txt.
 */
#ifndef BOOTSHIFT_QCOW2_H
#define BOOTSHIFT_QCOW2_H

#include <stdbool.h>
#include <stddef.h>

#include "format/reference.h"
#include "util/err.h"

/* As much as is looked at of an image: the first cluster of the usual size. */
#define QCOW2_HEADER_MAX 65536u

/*
 * Decodes the first `length` bytes of an image of `file_size` bytes: QCOW2_HEADER_MAX, or fewer
 * when the image is shorter.  *disk_size is in bytes.  A disk in one piece, in the clear and in one
 * file passes, also with internal snapshots, extended L2 entries, or a dirty mark, which the
 * driver clears.  Errors: BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING (a backing file),
 * BS_CONTAINER_SPLIT (an external data file), BS_CONTAINER_ENCRYPTED, BS_FORMAT_UNSUPPORTED
 * (version 1), BS_FORMAT_UNREADABLE (another version, unknown features), BS_NOT_AN_IMAGE (the disk
 * is not whole sectors).
 */
MUST_CHECK int qcow2_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			    uint64_t *disk_size, struct bs_error *err);

#define QCOW2_L1_ENTRY_SIZE       8u
#define QCOW2_REFCOUNT_ENTRY_SIZE 8u
#define QCOW2_SNAPSHOT_SIZE       40u /* of its fixed part */

/*
 * By what an image finds its clusters: an L1 table, whose entries lead to L2 tables of one cluster
 * each, and a table whose entries lead to clusters of counts, one for each cluster of the image.
 * Offsets and sizes are in bytes; both tables lie within the image.
 */
struct qcow2_tables {
	uint32_t cluster_size;
	uint64_t l1_offset, refcount_offset;
	uint64_t l1_entries, refcount_entries;
	uint32_t l2_entry_size;     /* 8 or 16 */
	uint64_t compressed_places; /* the bits of a compressed cluster's L2 entry with its place */
	bool counts_behind;         /* marked dirty: they may be too small */
	uint64_t snapshots_offset;  /* where their table begins, if there are any */
	uint32_t snapshots;         /* how many, at most 65536 */
	uint64_t bitmaps_offset, bitmaps_length; /* the list of dirty bitmaps; length 0: none */
};

/* Decodes the same bytes, of an image that qcow2_decode() has accepted.  BS_CONTAINER_CORRUPT. */
MUST_CHECK int qcow2_decode_tables(const uint8_t *bytes, size_t length, uint64_t file_size,
				   struct qcow2_tables *tables, struct bs_error *err);

struct qcow2_snapshot {
	uint64_t l1_offset, l1_entries; /* as above */
	uint64_t length;                /* of this entry, bytes; the next one follows */
};

/* Decodes an entry of the table of snapshots, by its first QCOW2_SNAPSHOT_SIZE bytes. */
void qcow2_decode_snapshot(const uint8_t *bytes, struct qcow2_snapshot *snapshot);

/*
 * Tells which files the image names in its first `length` bytes, at most QCOW2_HEADER_MAX: its
 * backing file and its data file.  They are QEMU's file names, which may begin with "file:" or
 * "json:".
 */
void qcow2_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker);

#endif
