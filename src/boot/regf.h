/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader of registry hives ("regf" files) that goes from cell to cell and reads only those that
 * it needs, so that a name out of a SOFTWARE hive of 100 MiB costs some dozen small reads, and so
 * that it can be given a buffer (a BCD) or a file inside a volume alike.
 *
 * Layout: github.com/msuhanov/regf, "Windows registry file format specification".  Everything is
 * little-endian; the base block is 4096 bytes; cells lie behind it, at offsets counted from its
 * end, each with a 32-bit size in front that is negative while the cell is in use.
 *
 * What is read is untrusted: every cell is checked against the hive's size, lists nest at most
 * one deep, and counts are bounded by the cell that holds them, so every loop ends.  Cells can be
 * shared, so that a small hive describes a huge tree: the effort for one hive has a limit, too.
 */
#ifndef BOOTSHIFT_REGF_H
#define BOOTSHIFT_REGF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define REGF_NAME_MAX 256u /* characters in a key's name, and room for its final zero */

/* Of the types only those that are read here. */
enum regf_value_type {
	REGF_SZ = 1,
	REGF_EXPAND_SZ = 2,
	REGF_BINARY = 3,
	REGF_DWORD = 4,
	REGF_MULTI_SZ = 7,
};

struct regf {
	/*
	 * Where the bytes come from: reads `length` bytes at `offset` of the hive, whole or error.
	 */
	int (*read)(void *source, uint64_t offset, void *buffer, size_t length,
		    struct bs_error *err);
	void *source;
	uint64_t size; /* bytes */
	/* Set by regf_open(): */
	uint32_t root;     /* the root key */
	bool dirty;        /* newer data waits in the hive's log files */
	uint32_t sequence; /* of the last change that is in the hive as a whole */
	uint64_t effort;   /* what may still be spent on reading it, in bytes and for each cell */
};

struct regf_value {
	uint32_t type;
	uint32_t size;   /* bytes of data */
	uint64_t offset; /* of the data in the hive file; it is contiguous there */
};

/*
 * Checks the base block and finds the root key.  `read`, `source` and `size` are set by the
 * caller.  Errors, here and below: BS_BCD_DAMAGED with the reason (whoever reads another hive
 * sets the code that fits), or what `read` says.
 */
MUST_CHECK int regf_open(struct regf *hive, struct bs_error *err);

/* Whether 512 bytes are the first of a hive or of its log: the signature and the checksum. */
bool regf_is_base_block(const uint8_t *bytes);

/* Makes a buffer, which must outlive the hive, the source of one. */
void regf_from_buffer(struct regf *hive, const uint8_t *buffer, size_t size);

/* *child = the subkey of `key` called `name` (ASCII, case ignored), or 0 when there is none. */
MUST_CHECK int regf_find(struct regf *hive, uint32_t key, const char *name, uint32_t *child,
			 struct bs_error *err);

/* The same for a path with backslashes. */
MUST_CHECK int regf_find_path(struct regf *hive, const char *path, uint32_t *key,
			      struct bs_error *err);

/* The subkeys of a key; the caller frees *children. */
MUST_CHECK int regf_children(struct regf *hive, uint32_t key, uint32_t **children, size_t *count,
			     struct bs_error *err);

/* A key's name, characters outside of ASCII as '?'. */
MUST_CHECK int regf_name(struct regf *hive, uint32_t key, char name[REGF_NAME_MAX],
			 struct bs_error *err);

/* *found = whether `key` has a value called `name` (ASCII, case ignored). */
MUST_CHECK int regf_value(struct regf *hive, uint32_t key, const char *name, bool *found,
			  struct regf_value *value, struct bs_error *err);

/* A string value as UTF-8, cut to fit `size`; empty when it is missing or not a string. */
MUST_CHECK int regf_string(struct regf *hive, uint32_t key, const char *name, char *text,
			   size_t size, struct bs_error *err);

#endif
