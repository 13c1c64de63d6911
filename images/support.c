/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors, bytes and numbers of build-image.
 */
#include "support.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
	va_list arguments;

	fputs("build-image: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void die_at(struct location where, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "build-image: %s:%u: ", where.file, where.line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory)
		die("out of memory");
	return memory;
}

char *copy_text(const char *text, size_t length)
{
	return memcpy(allocate(length + 1), text, length);
}

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		die("out of memory");
	return text;
}

void append_zeros(struct bytes *bytes, size_t length)
{
	uint8_t *data = realloc(bytes->data, bytes->length + length + 1);

	if (!data)
		die("out of memory");
	memset(data + bytes->length, 0, length + 1);
	bytes->data = data;
	bytes->length += length;
}

void append(struct bytes *bytes, const void *data, size_t length)
{
	append_zeros(bytes, length);
	if (length)
		memcpy(bytes->data + bytes->length - length, data, length);
}

void append_le16(struct bytes *bytes, uint16_t value)
{
	append_zeros(bytes, 2);
	store_le16(bytes->data + bytes->length - 2, value);
}

void append_le32(struct bytes *bytes, uint32_t value)
{
	append_zeros(bytes, 4);
	store_le32(bytes->data + bytes->length - 4, value);
}

void append_le64(struct bytes *bytes, uint64_t value)
{
	append_zeros(bytes, 8);
	store_le64(bytes->data + bytes->length - 8, value);
}

void append_utf16(struct bytes *bytes, const char *text)
{
	const uint8_t *c = (const uint8_t *)text;

	while (*c) {
		unsigned continued = *c < 0x80 ? 0 : *c < 0xE0 ? 1 : 2;
		unsigned unit = continued == 0 ? *c : continued == 1 ? *c & 0x1Fu : *c & 0x0Fu;

		if (*c >= 0xF0)
			die("\"%s\": only the Basic Multilingual Plane is supported", text);
		for (c++; continued > 0; continued--, c++) {
			if ((*c & 0xC0) != 0x80)
				die("\"%s\" is not UTF-8", text);
			unit = unit << 6 | (*c & 0x3Fu);
		}
		append_le16(bytes, (uint16_t)unit);
	}
}

static int digit_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

void append_hex(struct bytes *bytes, const char *digits, struct location where)
{
	while (*digits) {
		uint8_t byte;

		if (*digits == ',' || *digits == ' ') {
			digits++;
			continue;
		}
		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			die_at(where, "\"%s\" is not a pair of hexadecimal digits", digits);
		byte = (uint8_t)(digit_value(digits[0]) << 4 | digit_value(digits[1]));
		append(bytes, &byte, 1);
		digits += 2;
	}
}

void store_le16(void *at, uint16_t value)
{
	uint8_t *b = at;

	b[0] = (uint8_t)value;
	b[1] = (uint8_t)(value >> 8);
}

void store_le32(void *at, uint32_t value)
{
	store_le16(at, (uint16_t)value);
	store_le16((uint8_t *)at + 2, (uint16_t)(value >> 16));
}

void store_le64(void *at, uint64_t value)
{
	store_le32(at, (uint32_t)value);
	store_le32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

void store_be32(void *at, uint32_t value)
{
	store_le32(at, __builtin_bswap32(value));
}

void store_be64(void *at, uint64_t value)
{
	store_le64(at, __builtin_bswap64(value));
}

uint32_t load_le32(const void *at)
{
	const uint8_t *b = at;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t parse_number(const char *text, struct location where)
{
	static const char suffixes[] = "KMG";
	const char *suffix;
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);

		if (value > UINT64_MAX >> shift)
			errno = ERANGE;
		value <<= shift;
		end++;
	}
	if (!isdigit((unsigned char)text[0]) || *end || errno)
		die_at(where, "\"%s\" is not a number", text);
	return value;
}

uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xCBF29CE484222325u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)tolower((unsigned char)*text)) * 0x100000001B3u;
	return hash;
}
