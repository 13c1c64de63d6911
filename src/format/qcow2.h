/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the header of a qcow2 image, versions 2 and 3.  Source of the layout and of all
 * constants: QEMU, docs/interop/qcow2.txt.
 */
#ifndef BOOTSHIFT_QCOW2_H
#define BOOTSHIFT_QCOW2_H

#include <stddef.h>

#include "format/codec.h"

/* The bytes of an image that qcow2_decode() reads: the first cluster, if it has the usual size. */
#define QCOW2_HEADER_MAX 65536u

/*
 * Decodes the first `length` bytes of an image of `file_size` bytes.  `length` is QCOW2_HEADER_MAX,
 * or less if the image is shorter.  Sets the fields disk_size and parent of *format, which are zero.
 * The image must be unencrypted, and must not keep its data in another file; it may have a backing
 * file, internal snapshots and extended L2 entries.  Errors: BS_CONTAINER_CORRUPT,
 * BS_CONTAINER_SPLIT (an external data file), BS_CONTAINER_ENCRYPTED, BS_CONTAINER_UNCLEAN (marked
 * dirty), BS_FORMAT_UNSUPPORTED (version 1), BS_FORMAT_UNREADABLE (another version, unknown
 * features), BS_NOT_AN_IMAGE (the disk is not whole sectors).
 */
MUST_CHECK int qcow2_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			    struct format *format, struct bs_error *err);

#endif
