/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the header of a VDI image of VirtualBox, version 1.1.  Source of the layout and of all
 * constants: VirtualBox, src/VBox/Storage/VDICore.h.  The further checks are those of QEMU's
 * block/vdi.c.
 */
#ifndef BOOTSHIFT_VDI_H
#define BOOTSHIFT_VDI_H

#include <stddef.h>

#include "util/err.h"

#define VDI_HEADER_SIZE 512u

/*
 * Decodes the first `length` bytes of an image of `file_size` bytes.  `length` is VDI_HEADER_SIZE,
 * or less if the image is shorter.  *disk_size is in bytes, in whole sectors.  Errors:
 * BS_CONTAINER_CORRUPT, BS_VDI_DIFFERENCING, BS_FORMAT_UNREADABLE (another version, or a layout
 * that QEMU does not know).
 */
MUST_CHECK int vdi_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			  uint64_t *disk_size, struct bs_error *err);

#endif
