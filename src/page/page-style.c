/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Makefile tells the assembler where the file is. */
#include "page/page-style.h"

__asm__(".pushsection .rodata\n"
	".globl page_style\n.hidden page_style\npage_style:\n"
	".incbin \"page.css\"\n.byte 0\n"
	".popsection\n");
