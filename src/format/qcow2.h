/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a qcow2 image, versions 2 and 3: bytes in, the disk's size or a reason to refuse
 * it out.  Source of the layout and of all constants: QEMU, docs/interop/qcow2.txt.
 */
#ifndef BOOTSHIFT_QCOW2_H
#define BOOTSHIFT_QCOW2_H

#include <stddef.h>

#include "util/err.h"

/* As much as is looked at of an image: the first cluster of the usual size. */
#define QCOW2_HEADER_MAX 65536u

/*
 * Decodes the first `length` bytes of an image of `file_size` bytes: QCOW2_HEADER_MAX, or fewer
 * when the image is shorter.  *disk_size is in bytes.  A disk in one piece, in the clear and in one
 * file passes, also with internal snapshots or extended L2 entries.  Errors: BS_CONTAINER_CORRUPT,
 * BS_CONTAINER_DIFFERENCING (a backing file), BS_CONTAINER_SPLIT (an external data file),
 * BS_CONTAINER_ENCRYPTED, BS_CONTAINER_UNCLEAN (marked dirty), BS_FORMAT_UNSUPPORTED (version 1),
 * BS_FORMAT_UNREADABLE (another version, unknown features), BS_NOT_AN_IMAGE (the disk is not whole
 * sectors).
 */
MUST_CHECK int qcow2_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			    uint64_t *disk_size, struct bs_error *err);

#endif
