/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs of boot/, which start the sample disks, as they were assembled with build-image.
 */
#ifndef IMAGES_BOOT_CODE_H
#define IMAGES_BOOT_CODE_H

#include <stddef.h>
#include <stdint.h>

enum boot_code {
	BOOT_CODE_MBR,         /* 440 bytes */
	BOOT_CODE_VBR_BOOTMGR, /* less than 8 KiB, with room for the BPB; starts \bootmgr */
	BOOT_CODE_VBR_NTLDR,   /* the same; starts \NTLDR */
	BOOT_CODE_BOOTMGR,     /* a program that the boot record loads */
};

/* Its bytes, which nobody frees. */
const uint8_t *boot_code(enum boot_code code, size_t *length);

#endif
