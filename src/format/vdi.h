/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a VDI image of VirtualBox, version 1.1: bytes in, the disk's size or a reason to
 * refuse it out.  Source of the layout and of all constants: VirtualBox,
 * src/VBox/Storage/VDICore.h, and what QEMU's block/vdi.c demands beyond it.
 */
#ifndef BOOTSHIFT_VDI_H
#define BOOTSHIFT_VDI_H

#include <stddef.h>

#include "util/err.h"

#define VDI_HEADER_SIZE 512u

/*
 * Decodes the first `length` bytes, VDI_HEADER_SIZE unless the image is shorter, of an image of
 * `file_size` bytes.  *disk_size is in bytes and whole sectors.  Errors: BS_CONTAINER_CORRUPT,
 * BS_VDI_DIFFERENCING, BS_FORMAT_UNREADABLE (another version, or a layout that QEMU does not
 * know).
 */
MUST_CHECK int vdi_decode(const uint8_t *bytes, size_t length, uint64_t file_size,
			  uint64_t *disk_size, struct bs_error *err);

#endif
