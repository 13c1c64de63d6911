/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/utf16.h"

#include "util/bytes.h"

#define REPLACEMENT 0xFFFDu

static size_t utf8_encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xC0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xE0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		out[2] = (uint8_t)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (uint8_t)(0xF0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
	out[3] = (uint8_t)(0x80 | (c & 0x3F));
	return 4;
}

size_t utf16_to_utf8(const uint8_t *utf16, size_t bytes, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i + 2 <= bytes; i += 2) {
		uint32_t c = load_le16(utf16 + i);
		uint8_t encoded[4];
		size_t length;

		if (c == 0)
			break;
		if (c >= 0xD800 && c < 0xDC00 && i + 4 <= bytes &&
		    (load_le16(utf16 + i + 2) & 0xFC00) == 0xDC00) {
			c = 0x10000 + ((c & 0x3FF) << 10) + (load_le16(utf16 + i + 2) & 0x3FFu);
			i += 2;
		} else if (c >= 0xD800 && c < 0xE000) {
			c = REPLACEMENT;
		}
		length = utf8_encode(c, encoded);
		if (used + length >= size)
			break;
		memcpy(text + used, encoded, length);
		used += length;
	}
	text[used] = '\0';
	return used;
}
