/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * boot.ini, the menu of Windows NT to XP: a codec on a buffer, no I/O.
 *
 * The file has lines of text in the machine's ANSI code page.  The section [boot loader] names the
 * default.  The section [operating systems] has a line for each choice: a target, "=", a title and
 * options.  A target can be a Windows folder as an ARC path, such as
 * multi(0)disk(0)rdisk(0)partition(1)\WINDOWS, or a file with a boot sector on the drive of ntldr,
 * such as C:\CMDCONS\BOOTSECT.DAT.  "C:\" alone means \BOOTSECT.DOS.  (Microsoft, KB102873 and
 * KB289022.)
 *
 * The numbers in rdisk() are the BIOS' disks, from 0.  The numbers in partition() start at 1: first
 * the primary partitions in the order of the table, without empty entries and extended partitions,
 * then the logical partitions.  The active flag makes no difference.
 */
#ifndef BOOTSHIFT_BOOT_INI_H
#define BOOTSHIFT_BOOT_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define BOOT_INI_SIZE_MAX    (64u << 10) /* bytes; real files have some hundred */
#define BOOT_INI_CHOICES_MAX 32

enum boot_ini_kind {
	BOOT_INI_WINDOWS, /* multi(): a folder on a disk that has a BIOS number */
	BOOT_INI_FILE,    /* a boot sector in a file */
	BOOT_INI_OTHER,   /* scsi(), signature(), or an unknown form */
};

struct boot_ini_choice {
	enum boot_ini_kind kind;
	bool is_default;
	uint32_t disk, partition; /* BOOT_INI_WINDOWS: rdisk() and partition() */
	char path[260];           /* BOOT_INI_FILE: with a leading backslash; only ASCII */
	char text[64];            /* the target as the file spells it, for messages */
};

struct boot_ini {
	uint32_t count;
	struct boot_ini_choice choices[BOOT_INI_CHOICES_MAX]; /* without duplicates */
};

/* Error: BS_LEGACY_UNSUPPORTED with the reason, if the file is no text or has too many choices. */
MUST_CHECK int boot_ini_parse(const uint8_t *bytes, size_t size, struct boot_ini *ini,
			      struct bs_error *err);

#endif
