/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The master boot record and the extended boot records: codecs on buffers, no I/O.
 *
 * Layout: 440 bytes of code, the disk signature at 0x1B8, four 16-byte entries at 0x1BE, and 55 AA
 * at 0x1FE (Microsoft, "Master Boot Record", and UEFI 2.10, table 5.1).  An entry has: the flag
 * byte (0x80 active), three bytes CHS, the type, three bytes CHS, the first LBA relative to the
 * record, and the number of sectors.  The last two are 32-bit little-endian.
 */
#ifndef BOOTSHIFT_MBR_H
#define BOOTSHIFT_MBR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"
#include "util/err.h"

#define MBR_CODE_SIZE          440u
#define MBR_SIGNATURE_OFFSET   0x1B8u /* where the disk signature is */
#define MBR_SIGNATURE_SIZE     4u     /* bytes */
#define MBR_ENTRIES            4u
#define MBR_FLAG_OFFSET(index) (0x1BEu + 16u * (index)) /* where the active flag is; index 0 to 3 */
#define MBR_ACTIVE             0x80

/* The partition types that bootshift distinguishes. */
enum mbr_type {
	MBR_TYPE_EMPTY = 0x00,
	MBR_TYPE_EXTENDED_CHS = 0x05,
	MBR_TYPE_NTFS = 0x07,
	MBR_TYPE_EXTENDED_LBA = 0x0F,
	MBR_TYPE_DYNAMIC = 0x42, /* LDM: a dynamic disk */
	MBR_TYPE_EXTENDED_LINUX = 0x85,
	/* Storage Spaces: PARTITION_SPACES_DATA and PARTITION_SPACES of ntdddisk.h */
	MBR_TYPE_SPACES_DATA = 0xD7,
	MBR_TYPE_SPACES = 0xE7,
	MBR_TYPE_PROTECTIVE = 0xEE, /* GPT */
};

/* Kinds of boot code.  The main question is whether the code starts the active partition. */
enum mbr_code {
	MBR_CODE_NONE,     /* nothing but zeros */
	MBR_CODE_STANDARD, /* known to start the active partition: Windows' own and some others */
	MBR_CODE_GRUB,     /* starts the system that its setup chose */
	MBR_CODE_LILO,     /* like GRUB */
	MBR_CODE_OTHER,    /* may start anything, or nothing */
};

struct mbr_entry {
	uint8_t flag, type;
	uint32_t first_lba; /* relative to the base of the entry's record */
	uint32_t sectors;
};

struct mbr {
	enum mbr_code code;
	uint32_t disk_signature;
	struct mbr_entry entries[MBR_ENTRIES];
};

/* `sector` has SECTOR_SIZE bytes.  False if the signature 55 AA is missing. */
bool mbr_parse(const uint8_t *sector, struct mbr *mbr);

bool mbr_is_extended(uint8_t type);

const char *mbr_code_text(enum mbr_code code);

/* Returns whether code calls the BIOS to read a disk.  Other code cannot load anything. */
bool mbr_code_reads(const uint8_t *code, size_t length);

#endif
