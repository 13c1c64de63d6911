/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes the assembled programs into build-image, so that it needs no file beside it.
 */
#include "boot-code.h"

/* The Makefile tells the assembler where they are. */
#define INCLUDE_PROGRAM(name, file)                                                                \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #name "\n.hidden " #name "\n" #name ":\n"                                \
		".incbin \"" file "\"\n"                                                           \
		".globl " #name "_end\n.hidden " #name "_end\n" #name "_end:\n"                    \
		".popsection\n");                                                                  \
	extern const uint8_t name[] __attribute__((visibility("hidden")));                         \
	extern const uint8_t name##_end[] __attribute__((visibility("hidden")))

INCLUDE_PROGRAM(mbr, "mbr.bin");
INCLUDE_PROGRAM(vbr_bootmgr, "vbr-bootmgr.bin");
INCLUDE_PROGRAM(vbr_ntldr, "vbr-ntldr.bin");
INCLUDE_PROGRAM(bootmgr, "bootmgr.bin");

const uint8_t *boot_code(enum boot_code code, size_t *length)
{
	static const struct {
		const uint8_t *start, *end;
	} programs[] = {
		[BOOT_CODE_MBR] = {mbr, mbr_end},
		[BOOT_CODE_VBR_BOOTMGR] = {vbr_bootmgr, vbr_bootmgr_end},
		[BOOT_CODE_VBR_NTLDR] = {vbr_ntldr, vbr_ntldr_end},
		[BOOT_CODE_BOOTMGR] = {bootmgr, bootmgr_end},
	};

	*length = (size_t)(programs[code].end - programs[code].start);
	return programs[code].start;
}
