/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The NTFS boot record ($Boot): a codec on buffers, no I/O.
 *
 * The record is the first 8 KiB of an NTFS volume.  Bytes 0x0B-0x53 of the first sector are the
 * BIOS parameter block and belong to the volume; the rest is code.  The length of the code differs
 * between versions of Windows.  So bootshift copies the 8 KiB as one unit and never mixes sectors
 * of two versions.  The code contains the length and then the UTF-16 name of its loader: BOOTMGR
 * (Windows Vista and later) or NTLDR (up to Windows XP).  The code in the first sector loads the
 * other fifteen sectors by INT 13h.  It finds the volume only by the hidden sectors field.
 *
 * The sector behind the file system's last sector holds a copy of the first sector.  A partition
 * may be larger than its file system.  Then the partition's last sector may hold an older copy.
 *
 * (Layout: Microsoft, "NTFS boot sector"; the code: br_ntfs of ms-sys and of rufus,
 * thestarman.pcministry.com/asm/mbr.)
 *
 * The record of a FAT volume is only parsed, because its code cannot read NTFS.  That code names
 * its loader as an 8.3 name of 11 bytes.  (Layout: Microsoft, "FAT: General Overview of On-Disk
 * Format"; the code: br_fat16 and br_fat32 of ms-sys.)
 */
#ifndef BOOTSHIFT_VBR_H
#define BOOTSHIFT_VBR_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/mbr.h"

#define VBR_SIZE                  8192u
#define VBR_HIDDEN_SECTORS_OFFSET 0x1Cu

enum vbr_kind {
	VBR_NOT_NTFS, /* nor BitLocker, nor FAT */
	VBR_BITLOCKER,
	VBR_BOOTMGR,     /* NTFS, starts bootmgr */
	VBR_NTLDR,       /* NTFS, starts ntldr */
	VBR_OTHER,       /* NTFS, starts neither: formatted by another program, or damaged */
	VBR_FAT_BOOTMGR, /* FAT, starts bootmgr */
	VBR_FAT_OTHER,   /* FAT, does not start bootmgr */
	VBR_KIND_COUNT
};

struct vbr {
	enum vbr_kind kind;
	uint16_t bytes_per_sector;
	uint64_t cluster_size;   /* bytes; 0 if the field makes no sense */
	uint32_t hidden_sectors; /* must equal the partition's first LBA for the code to work */
	uint64_t sectors;        /* size of the file system, without the copy of the first sector */
	bool is_dirty;           /* FAT: the volume is in use, or was not unmounted */
	uint64_t fat_end;        /* FAT: where the first file allocation table ends, in bytes */
};

/* Parses a record of VBR_SIZE bytes.  Sets only the kind if the record is neither NTFS nor FAT. */
void vbr_parse(const uint8_t *record, struct vbr *vbr);

/*
 * Copies the code of `donor` to `record` and sets the hidden sectors.  `record` keeps the rest of
 * its own parameter block.  Both have VBR_SIZE bytes.
 */
void vbr_transplant(uint8_t *record, const uint8_t *donor, uint32_t hidden_sectors);

#define VBR_COPIES_MAX 2

/*
 * Lists where a partition of `size` bytes may hold a copy of the first sector, as byte offsets: the
 * sector behind the file system's last one and, if it is a different sector, the partition's last
 * one.  Returns the number of offsets: 1 if the file system ends outside of the partition.
 */
size_t vbr_copy_offsets(const struct vbr *vbr, uint64_t size, uint64_t offsets[VBR_COPIES_MAX]);

/*
 * Returns whether a sector is a copy, maybe an old one, of a volume's first sector.  Compares the
 * volume's serial number.  Both buffers have SECTOR_SIZE bytes.
 */
bool vbr_is_copy(const uint8_t *sector, const uint8_t *first);

const char *vbr_kind_text(enum vbr_kind kind);
bool vbr_is_fat(enum vbr_kind kind);

/*
 * vbr_sector_misfit() returns why bootmgr cannot read an NTFS volume ("sectors of ..."), or NULL.
 * vbr_misfit() does the same for boot code, which can read fewer volumes.
 */
const char *vbr_sector_misfit(const struct vbr *vbr);
const char *vbr_misfit(const struct vbr *vbr);

#endif
