/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The NTFS boot record ($Boot): a codec on buffers, no I/O.
 *
 * The record is the first 8 KiB of an NTFS volume.  Bytes 0x0B-0x53 of the first sector are the
 * BIOS parameter block and belong to the volume; the rest is code.  The code differs in length
 * between versions of Windows, so the 8 KiB are one unit, and sectors of two versions are never
 * mixed.  The code has the name of its loader, in UTF-16 behind its length: BOOTMGR (Windows Vista
 * and later) or NTLDR (up to Windows XP).  The code in the first sector loads the other fifteen by
 * INT 13h.  It finds the volume by the hidden sectors field alone.
 *
 * A copy of the first sector is behind the file system's last sector.  A partition may be larger
 * than its file system; then its own last sector may have an older copy.
 *
 * (Layout: Microsoft, "NTFS boot sector"; the code: br_ntfs of ms-sys and of rufus,
 * thestarman.pcministry.com/asm/mbr.)
 */
#ifndef BOOTSHIFT_VBR_H
#define BOOTSHIFT_VBR_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/mbr.h"

#define VBR_SIZE                  8192u
#define VBR_HIDDEN_SECTORS_OFFSET 0x1Cu

enum vbr_kind {
	VBR_NOT_NTFS,
	VBR_BITLOCKER,
	VBR_BOOTMGR, /* NTFS, starts bootmgr */
	VBR_NTLDR,   /* NTFS, starts ntldr */
	VBR_OTHER,   /* NTFS, starts neither: formatted by another program, or damaged */
};

struct vbr {
	enum vbr_kind kind;
	uint16_t bytes_per_sector;
	uint64_t cluster_size;   /* bytes; 0 if the field makes no sense */
	uint32_t hidden_sectors; /* must equal the partition's first LBA for the code to work */
	uint64_t sectors;        /* of the file system, without the copy of the first one */
};

/* `record` has VBR_SIZE bytes.  Sets only the kind if the record is not NTFS. */
void vbr_parse(const uint8_t *record, struct vbr *vbr);

/*
 * Copies the code of `donor` to `record` and sets the hidden sectors; the rest of the volume's own
 * parameter block stays.  Both have VBR_SIZE bytes.
 */
void vbr_transplant(uint8_t *record, const uint8_t *donor, uint32_t hidden_sectors);

#define VBR_COPIES_MAX 2

/*
 * The places for a copy of the first sector in a partition of `size` bytes, as byte offsets: the
 * sector behind the file system's last one and, if it is another, the partition's last sector.
 * Returns their number; it is 1 if the file system's end is not in the partition.
 */
size_t vbr_copy_offsets(const struct vbr *vbr, uint64_t size, uint64_t offsets[VBR_COPIES_MAX]);

/*
 * Whether a sector is a copy, also an old one, of a volume's first sector, by the volume's serial
 * number.  Both have SECTOR_SIZE bytes.
 */
bool vbr_is_copy(const uint8_t *sector, const uint8_t *first);

const char *vbr_kind_text(enum vbr_kind kind);

/*
 * What prevents bootmgr from reading an NTFS volume ("sectors of ..."), or NULL; and what prevents
 * boot code from it, which can read less.
 */
const char *vbr_sector_misfit(const struct vbr *vbr);
const char *vbr_misfit(const struct vbr *vbr);

#endif
