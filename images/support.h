/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every part of build-image needs: errors, bytes, numbers, other programs.
 *
 * build-image is a short-lived tool that either makes the whole image or prints one line and exits
 * with 1.  So an error ends the program where it is found, and memory lives until the end.
 * Nothing here comes from src/: the tests judge the product with these images, and a mistake
 * shared by both would not be seen.
 */
#ifndef IMAGES_SUPPORT_H
#define IMAGES_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTOR_SIZE 512u

/* A line of a recipe, for messages. */
struct location {
	const char *file;
	unsigned line;
};

/* Both print "build-image: ...", die_at() with the recipe's file and line, and exit with 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_at(struct location where, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Zeroed memory; never NULL. */
void *allocate(size_t size) __attribute__((malloc, returns_nonnull));
char *copy_text(const char *text, size_t length) __attribute__((returns_nonnull));
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* A row of bytes that grows at its end. */
struct bytes {
	uint8_t *data;
	size_t length;
};

void append(struct bytes *bytes, const void *data, size_t length);
void append_zeros(struct bytes *bytes, size_t length);
void append_le16(struct bytes *bytes, uint16_t value);
void append_le32(struct bytes *bytes, uint32_t value);
void append_le64(struct bytes *bytes, uint64_t value);
/* UTF-8 of the Basic Multilingual Plane to UTF-16LE, without a final zero. */
void append_utf16(struct bytes *bytes, const char *text);
/* Pairs of hexadecimal digits; commas and blanks may stand between the pairs. */
void append_hex(struct bytes *bytes, const char *digits, struct location where);

void store_le16(void *at, uint16_t value);
void store_le32(void *at, uint32_t value);
void store_le64(void *at, uint64_t value);
void store_be32(void *at, uint32_t value);
void store_be64(void *at, uint64_t value);
uint32_t load_le32(const void *at);

/* Decimal or 0x hexadecimal; K, M or G behind it multiply by powers of 1024. */
uint64_t parse_number(const char *text, struct location where);

/* FNV-1a of the text with its ASCII letters in lower case. */
uint64_t hash_text(const char *text);

void write_at(int fd, const void *data, size_t length, uint64_t offset);
void read_at(int fd, void *data, size_t length, uint64_t offset);

/* A file in memory of that many zero bytes; other programs reach it through descriptor_path(). */
int memory_file(const char *name, uint64_t size);
char *descriptor_path(int fd);

/* Copies all that is not a hole, so that holes stay holes. */
void copy_sparsely(int from, int to, uint64_t to_offset);

/*
 * Runs a program (also looked for in /usr/sbin and /sbin, which are not on everybody's PATH) with
 * that text as its standard input and waits for it; its own messages are shown when it fails.
 */
void run(char *const arguments[], const char *input);

#endif
