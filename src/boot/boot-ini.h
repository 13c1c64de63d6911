/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * boot.ini, the menu of Windows NT to XP: read from a buffer, no I/O.
 *
 * Lines of text in the machine's ANSI code page.  [boot loader] has the default, [operating
 * systems] a line for each choice: what to start, "=", its name and options.  What to start is the
 * path of a Windows folder in ARC form, such as multi(0)disk(0)rdisk(0)partition(1)\WINDOWS, or
 * that of a file with a boot sector on the drive that ntldr came from, such as
 * C:\CMDCONS\BOOTSECT.DAT; "C:\" alone means \BOOTSECT.DOS.  (Microsoft, KB102873 and KB289022.)
 *
 * rdisk() counts the BIOS' disks from 0.  partition() counts from 1 the primary partitions in the
 * order of the table, without empty entries and extended partitions, and then the logical ones;
 * which one is active makes no difference.
 */
#ifndef BOOTSHIFT_BOOT_INI_H
#define BOOTSHIFT_BOOT_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define BOOT_INI_SIZE_MAX    (64u << 10) /* bytes; real ones have some hundred */
#define BOOT_INI_CHOICES_MAX 32

enum boot_ini_kind {
	BOOT_INI_WINDOWS, /* by multi(): on a disk as the BIOS counts them */
	BOOT_INI_FILE,    /* a boot sector in a file */
	BOOT_INI_OTHER,   /* by scsi() or signature(), or not understood */
};

struct boot_ini_choice {
	enum boot_ini_kind kind;
	bool is_default;
	uint32_t disk, partition; /* BOOT_INI_WINDOWS: rdisk() and partition() */
	char path[260];           /* BOOT_INI_FILE: with a leading backslash; only ASCII */
	char text[64];            /* what to start, as it is written, for messages */
};

struct boot_ini {
	uint32_t count;
	struct boot_ini_choice choices[BOOT_INI_CHOICES_MAX]; /* one given twice is there once */
};

/* Errors: BS_LEGACY_UNSUPPORTED with the reason, when it is no text or has too many choices. */
MUST_CHECK int boot_ini_parse(const uint8_t *bytes, size_t size, struct boot_ini *ini,
			      struct bs_error *err);

#endif
