/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-16LE, as it lies on Windows' disks, to UTF-8. */
#ifndef BOOTSHIFT_UTF16_H
#define BOOTSHIFT_UTF16_H

#include <stddef.h>
#include <stdint.h>

/*
 * Converts up to the first zero or to the end of `bytes` bytes of UTF-16LE.  Unpaired surrogates
 * become U+FFFD.  The result is always terminated, and cut before the first character that does
 * not fit in `size` bytes.  Returns the number of bytes before the final zero.
 */
size_t utf16_to_utf8(const uint8_t *utf16, size_t bytes, char *text, size_t size);

#endif
