/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Little-endian numbers anywhere in memory, ranges, and names without regard to case.
 */
#ifndef BOOT_BYTES_H
#define BOOT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In bios.c; the compiler calls them as well. */
void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);

/* A row of bytes in memory that nobody frees. */
struct bytes {
	const uint8_t *data;
	uint32_t length;
};

static inline uint16_t load16(const void *at)
{
	const uint8_t *b = at;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t load32(const void *at)
{
	return load16(at) | (uint32_t)load16((const uint8_t *)at + 2) << 16;
}

static inline uint64_t load64(const void *at)
{
	return load32(at) | (uint64_t)load32((const uint8_t *)at + 4) << 32;
}

/* True when [offset, offset + length) lies within `size`. */
static inline bool lies_within(uint32_t offset, uint32_t length, uint32_t size)
{
	return offset <= size && length <= size - offset;
}

/* The length of a UTF-16 string that ends with a zero, or after `most` units. */
static inline uint32_t wide_length(const uint16_t *units, uint32_t most)
{
	uint32_t length = 0;

	while (length < most && units[length] != 0)
		length++;
	return length;
}

/* ASCII letters in upper case; NTFS sorts what is not ASCII behind them in any case. */
static inline uint16_t upper(uint16_t unit)
{
	return unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - ('a' - 'A')) : unit;
}

#endif
