/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks of NTFS metadata before libntfs-3g believes it.  The library counts on sizes, offsets and
 * run lists: wrong ones make it compute for minutes, read past a buffer, or crash.  A codec on
 * buffers, no I/O.  No check is stricter than Linux' drivers are when they read a sound volume.
 */
#ifndef BOOTSHIFT_NTFS_CHECK_H
#define BOOTSHIFT_NTFS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntfs/mft-record.h"
#include "util/err.h"

/* The sizes that a boot record tells of its volume. */
struct ntfs_geometry {
	uint64_t cluster_size; /* bytes, a power of two */
	uint64_t clusters;
	uint32_t record_size; /* bytes of a record of $MFT, a power of two */
	uint64_t mft;         /* where $MFT begins, in bytes of the volume */
};

#define NTFS_RECORD_SIZE_MAX 65536u /* bytes; Windows makes 1024 and 4096 */

/* `sector` holds 512 bytes.  False when they make no sense, or say that there are no clusters. */
bool ntfs_geometry_read(const uint8_t *sector, struct ntfs_geometry *geometry);

/*
 * Opens a record that begins with FILE and is in use, and checks it: attributes within it, sizes
 * that are consistent and that the volume allows, run lists within the volume.  Takes the fix-ups
 * out of `bytes`.  `number` is the record's, if the caller knows it; else UINT64_MAX.  Error:
 * BS_NTFS_DAMAGED with the file's name or number.
 */
MUST_CHECK int ntfs_check_record(const struct ntfs_geometry *geometry, uint8_t *bytes,
				 uint64_t number, struct mft_record *record, struct bs_error *err);

/* "$Bitmap", or "file record 4711": names a record in a message. */
const char *ntfs_record_text(uint64_t number, char text[40]);

/*
 * Checks what was read of a volume, as it is on the disk: each record that begins with FILE and is
 * in use, and an index block that begins with INDX.  Other bytes pass.  `offset` is that of the
 * read, in bytes of the volume.  Errors: BS_NTFS_DAMAGED, BS_NO_MEMORY.
 */
MUST_CHECK int ntfs_check_read(const struct ntfs_geometry *geometry, uint64_t offset,
			       const uint8_t *bytes, size_t length, struct bs_error *err);

#endif
