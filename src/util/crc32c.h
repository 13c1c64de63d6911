/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CRC32C: the 32-bit CRC with Castagnoli's polynomial, as in iSCSI (RFC 3720, appendix B.4),
 * ext4 and btrfs.  It detects damage, but no forgery.
 */
#ifndef BOOTSHIFT_CRC32C_H
#define BOOTSHIFT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * Returns the checksum of `length` bytes.  `crc` is the checksum of the bytes before them, or 0.
 * The checksum of a followed by b is crc32c(crc32c(0, a), b).
 */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same, without the processor's instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t length);

#endif
