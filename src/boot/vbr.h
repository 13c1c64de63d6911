/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The NTFS boot record ($Boot): a codec on buffers, no I/O.
 *
 * The first 8 KiB of an NTFS volume.  Bytes 0x0B-0x53 of the first sector are the BIOS parameter
 * block and belong to the volume; the rest is code, which differs in length between versions of
 * Windows, so the 8 KiB are one unit and sectors of two versions are never mixed.  The code names
 * the loader that it looks for, in UTF-16 preceded by its length: BOOTMGR (Windows Vista and
 * later) or NTLDR (up to Windows XP).  The code in the first sector loads the other fifteen by
 * INT 13h.  It finds the volume by the hidden sectors field alone.
 * The first sector is repeated behind the file system's last sector.  A partition may be larger
 * than its file system; then its own last sector may hold an older copy.  (Layout: Microsoft, "NTFS
 * boot sector"; the code: br_ntfs of ms-sys and of rufus, thestarman.pcministry.com/asm/mbr.)
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
	VBR_OTHER,   /* NTFS, starts neither: formatted by some other tool, or damaged */
};

struct vbr {
	enum vbr_kind kind;
	uint16_t bytes_per_sector;
	uint64_t cluster_size;   /* bytes; 0 when the field makes no sense */
	uint32_t hidden_sectors; /* must equal the partition's first LBA for the code to work */
	uint64_t sectors;        /* of the file system, without the copy of the first one */
};

/* `record` holds VBR_SIZE bytes.  Of a record that is not NTFS only the kind is set. */
void vbr_parse(const uint8_t *record, struct vbr *vbr);

/*
 * Puts the code of `donor` into `record` and the right hidden sectors; everything else of the
 * volume's own parameter block stays.  Both hold VBR_SIZE bytes.
 */
void vbr_transplant(uint8_t *record, const uint8_t *donor, uint32_t hidden_sectors);

#define VBR_COPIES_MAX 2

/*
 * The places of the first sector's copy in a partition of `size` bytes, as byte offsets: that of
 * the file system, right behind its last sector, and the partition's last sector where that is
 * another one.  Returns their number, which is 1 also when the record tells of no place in the
 * partition.
 */
size_t vbr_copy_offsets(const struct vbr *vbr, uint64_t size, uint64_t offsets[VBR_COPIES_MAX]);

/*
 * Whether a sector is a copy of a volume's first one, of today or of earlier: the volume's serial
 * number tells.  Both hold SECTOR_SIZE bytes.
 */
bool vbr_is_copy(const uint8_t *sector, const uint8_t *first);

const char *vbr_kind_text(enum vbr_kind kind);

/*
 * What of an NTFS volume keeps bootmgr from reading it: "sectors of ..."; NULL for nothing.  And
 * what keeps boot code from it, which knows less.
 */
const char *vbr_sector_misfit(const struct vbr *vbr);
const char *vbr_misfit(const struct vbr *vbr);

#endif
