/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The headers, the region table and the metadata of a VHDX: bytes in, facts or a reason to refuse
 * out.  Source of the layout and of all constants: Microsoft, [MS-VHDX] "Virtual Hard Disk v2
 * (VHDX) File Format".
 *
 * It takes two steps, because the metadata lie where the region table says: first the section of
 * the headers, then the metadata region.
 */
#ifndef BOOTSHIFT_VHDX_H
#define BOOTSHIFT_VHDX_H

#include <stdbool.h>
#include <stddef.h>

#include "disk/reference.h"
#include "util/err.h"

/* The identifier, both headers and the first region table, of 64 KiB each. */
#define VHDX_HEADERS_SIZE 262144u

/* The metadata table and the items in it are looked for in so much of their region. */
#define VHDX_METADATA_MAX 1048576u

struct vhdx_layout {
	bool log_in_use; /* the log has to be replayed; what it changes may be anything */
	uint64_t table_offset, metadata_offset; /* of the regions, bytes of the file */
	uint32_t table_size, metadata_size;     /* bytes; they lie within the file */
};

/*
 * Decodes the first VHDX_HEADERS_SIZE bytes of a file of `file_size` bytes: what the current one
 * of the two headers says, and the region table.  Errors: BS_CONTAINER_CORRUPT,
 * BS_FORMAT_UNSUPPORTED (another version, an unknown region that is required).
 */
MUST_CHECK int vhdx_decode_headers(const uint8_t *bytes, size_t length, uint64_t file_size,
				   struct vhdx_layout *layout, struct bs_error *err);

/*
 * Decodes the metadata: the first `length` bytes of their region, its size or VHDX_METADATA_MAX.
 * *disk_size is in bytes.  Errors: BS_CONTAINER_CORRUPT, BS_CONTAINER_DIFFERENCING,
 * BS_SECTOR_SIZE (sectors of 4096 bytes), BS_FORMAT_UNSUPPORTED (an unknown item that is required).
 */
MUST_CHECK int vhdx_decode_metadata(const uint8_t *bytes, size_t length,
				    const struct vhdx_layout *layout, uint64_t *disk_size,
				    struct bs_error *err);

/* Tells the paths of the parent in the same bytes, if it has one. */
void vhdx_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker);

#endif
