/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a VHD footer. */
#ifndef BOOTSHIFT_TEST_FIXED_FOOTER_H
#define BOOTSHIFT_TEST_FIXED_FOOTER_H

#include <stdint.h>

/* The footer of a fixed VHD of 64 KiB, with the field names of Microsoft's specification. */
static const uint8_t fixed_footer[512] = {
	'c',  'o',  'n',  'e',  'c',  't',  'i',  'x',  /*  0 cookie */
	0x00, 0x00, 0x00, 0x02,                         /*  8 features */
	0x00, 0x01, 0x00, 0x00,                         /* 12 file format version 1.0 */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* 16 data offset: none */
	0x00, 0x00, 0x00, 0x00,                         /* 24 time stamp */
	'w',  'i',  'n',  ' ',                          /* 28 creator application */
	0x00, 0x06, 0x00, 0x01,                         /* 32 creator version */
	'W',  'i',  '2',  'k',                          /* 36 creator host OS */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, /* 40 original size */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, /* 48 current size */
	0x00, 0x02, 0x04, 0x11,                         /* 56 disk geometry */
	0x00, 0x00, 0x00, 0x02,                         /* 60 disk type: fixed */
	0xff, 0xff, 0xf1, 0xba,                         /* 64 checksum */
};

#endif
