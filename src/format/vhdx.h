/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the headers, the region table and the metadata of a VHDX.  Source of the layout and of
 * all constants: Microsoft, [MS-VHDX] "Virtual Hard Disk v2 (VHDX) File Format".
 *
 * The caller decodes the section of the headers first, then the metadata region, because the region
 * table in the first section says where the metadata region is.
 */
#ifndef BOOTSHIFT_VHDX_H
#define BOOTSHIFT_VHDX_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/* The identifier, both headers and the first region table, of 64 KiB each. */
#define VHDX_HEADERS_SIZE 262144u

/* The code reads at most this many bytes of the metadata region. */
#define VHDX_METADATA_MAX 1048576u

struct vhdx_layout {
	bool log_in_use;     /* the log has to be replayed; it may change anything */
	uint64_t log_offset; /* bytes from the start of the file; set even if no log is in use */
	uint32_t log_size;   /* bytes */
	uint64_t table_offset, metadata_offset; /* of the regions, bytes from the file's start */
	uint32_t table_size, metadata_size;     /* bytes; the regions lie within the file */
};

struct vhdx_disk {
	uint64_t size;       /* bytes that the guest sees */
	uint32_t block_size; /* bytes, a power of two from 1 MiB to 256 MiB */
};

/*
 * Decodes the first VHDX_HEADERS_SIZE bytes of a file of `file_size` bytes: the current one of the
 * two headers, and the region table.  Errors: BS_CONTAINER_CORRUPT, BS_FORMAT_UNREADABLE (another
 * version, an unknown region that is required).
 */
MUST_CHECK int vhdx_decode_headers(const uint8_t *bytes, size_t length, uint64_t file_size,
				   struct vhdx_layout *layout, struct bs_error *err);

/*
 * Decodes the first `length` bytes of the metadata region, at most VHDX_METADATA_MAX.
 * Errors: BS_CONTAINER_CORRUPT, BS_VHDX_DIFFERENCING, BS_FORMAT_UNREADABLE (an unknown item that is
 * required), BS_SECTOR_SIZE (sectors of 4096 bytes).
 */
MUST_CHECK int vhdx_decode_metadata(const uint8_t *bytes, size_t length,
				    const struct vhdx_layout *layout, struct vhdx_disk *disk,
				    struct bs_error *err);

#endif
