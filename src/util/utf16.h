/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Converts UTF-16LE, the encoding on disks of Windows, to UTF-8. */
#ifndef BOOTSHIFT_UTF16_H
#define BOOTSHIFT_UTF16_H

#include <stddef.h>
#include <stdint.h>

/*
 * Converts `bytes` bytes of UTF-16LE, or fewer if a zero character comes before.  An unpaired
 * surrogate becomes U+FFFD.  The result always ends with a zero byte; it is cut before the first
 * character that does not fit in `size` bytes.  Returns its length without the zero byte.
 */
size_t utf16_to_utf8(const uint8_t *utf16, size_t bytes, char *text, size_t size);

#endif
