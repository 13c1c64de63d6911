/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks of NTFS metadata before libntfs-3g uses the metadata.  The library trusts sizes, offsets
 * and run lists.  Wrong ones make the library compute for minutes, read past a buffer, or crash.  A
 * codec on buffers: no I/O.  No check is stricter than the checks of Linux' drivers.
 */
#ifndef BOOTSHIFT_NTFS_CHECK_H
#define BOOTSHIFT_NTFS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntfs/mft-record.h"
#include "util/err.h"

/* The sizes in the boot record of a volume. */
struct ntfs_geometry {
	uint64_t cluster_size; /* bytes, a power of two */
	uint64_t clusters;
	uint32_t record_size; /* bytes of a record of $MFT, a power of two */
	uint64_t mft;         /* where $MFT begins, in bytes from the start of the volume */
};

#define NTFS_RECORD_SIZE_MAX 65536u /* bytes; Windows makes 1024 and 4096 */

/* Reads a sector of 512 bytes.  Returns false if the sizes make no sense or there is no cluster. */
bool ntfs_geometry_read(const uint8_t *sector, struct ntfs_geometry *geometry);

/*
 * Opens a record that begins with FILE and is in use, and removes the fix-ups in `bytes`.  Checks
 * that the attributes lie within the record, that the sizes are consistent and possible on this
 * volume, and that the run lists lie within the volume.  `number` is the record's number, or
 * UINT64_MAX if the caller does not know it.  Error: BS_NTFS_DAMAGED with the file's name or
 * number.
 */
MUST_CHECK int ntfs_check_record(const struct ntfs_geometry *geometry, uint8_t *bytes,
				 uint64_t number, struct mft_record *record, struct bs_error *err);

/* Names a record for a message: "$Bitmap", or "file record 4711". */
const char *ntfs_record_text(uint64_t number, char text[40]);

/*
 * Checks bytes that were read from the disk: each record that begins with FILE and is in use, or an
 * index block that begins with INDX.  Accepts all other bytes.  `offset` is the place of the bytes
 * on the volume, in bytes.  Errors: BS_NTFS_DAMAGED, BS_NO_MEMORY.
 */
MUST_CHECK int ntfs_check_read(const struct ntfs_geometry *geometry, uint64_t offset,
			       const uint8_t *bytes, size_t length, struct bs_error *err);

#endif
