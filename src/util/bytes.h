/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loads and stores with an explicit byte order, and arithmetic on untrusted numbers.
 *
 * No code reads data of a disk or a connection through a struct or a cast.  Every codec uses these
 * functions, so the result never depends on the byte order or alignment of the machine.
 */
#ifndef BOOTSHIFT_BYTES_H
#define BOOTSHIFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t load_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t load_le32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t load_le64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)load_le32(b) | (uint64_t)load_le32(b + 4) << 32;
}

static inline uint16_t load_be16(const void *p)
{
	return __builtin_bswap16(load_le16(p));
}

static inline uint32_t load_be32(const void *p)
{
	return __builtin_bswap32(load_le32(p));
}

static inline uint64_t load_be64(const void *p)
{
	return __builtin_bswap64(load_le64(p));
}

static inline void store_le16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void store_le32(void *p, uint32_t v)
{
	uint8_t *b = p;

	store_le16(b, (uint16_t)v);
	store_le16(b + 2, (uint16_t)(v >> 16));
}

static inline void store_le64(void *p, uint64_t v)
{
	uint8_t *b = p;

	store_le32(b, (uint32_t)v);
	store_le32(b + 4, (uint32_t)(v >> 32));
}

static inline void store_be16(void *p, uint16_t v)
{
	store_le16(p, __builtin_bswap16(v));
}

static inline void store_be32(void *p, uint32_t v)
{
	store_le32(p, __builtin_bswap32(v));
}

static inline void store_be64(void *p, uint64_t v)
{
	store_le64(p, __builtin_bswap64(v));
}

/* Bytes, on every disk from which a BIOS starts Windows.  Container formats count in sectors. */
#define SECTOR_SIZE 512u

/* True when [offset, offset + length) lies in [0, size), without overflow. */
static inline bool range_within(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

/* *sum = a + b; false on overflow. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* *product = a * b; false on overflow. */
static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

/* True when every byte is zero; also for length 0. */
static inline bool all_zero(const void *p, size_t length)
{
	const uint8_t *b = p;

	return length == 0 || (b[0] == 0 && memcmp(b, b + 1, length - 1) == 0);
}

/* A bitmap counts its bits from the lowest bit of the first byte. */
static inline bool bit_is_set(const uint8_t *bits, uint64_t number)
{
	return (bits[number / 8] >> number % 8 & 1) != 0;
}

static inline void bit_set(uint8_t *bits, uint64_t number)
{
	bits[number / 8] |= (uint8_t)(1u << number % 8);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
