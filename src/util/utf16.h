/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Converts UTF-16LE, the encoding of text on Windows disks, to UTF-8. */
#ifndef BOOTSHIFT_UTF16_H
#define BOOTSHIFT_UTF16_H

#include <stddef.h>
#include <stdint.h>

/*
 * Converts `bytes` bytes of UTF-16LE, or the text before the first zero character.  An unpaired
 * surrogate becomes U+FFFD.  The result always ends with a zero byte.  The function cuts the result
 * before the first character that does not fit in `size` bytes.  Returns the length of the result
 * without the zero byte.
 */
size_t utf16_to_utf8(const uint8_t *utf16, size_t bytes, char *text, size_t size);

#endif
