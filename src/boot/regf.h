/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hives ("regf" files) and their transaction logs: a reader.
 *
 * The reader goes from cell to cell and reads only the cells that it needs, so that a value of a
 * SOFTWARE hive of 100 MiB costs some dozen small reads.  It reads through a function, so that the
 * hive can be a buffer (a BCD) or a file in a volume.
 *
 * All numbers are little-endian.  The base block has 4096 bytes.  Cells lie behind it; their offsets
 * count from its end.  A cell begins with its 32-bit size, which is negative if the cell is in use.
 * (Layout: github.com/msuhanov/regf, "Windows registry file format specification".)
 *
 * A hive is untrusted: each cell is checked against the hive's size, lists of lists have one level,
 * and counts are bounded by the cell that holds them, so every loop ends.  Cells can be shared, so
 * a small hive can describe a huge tree: therefore the effort for one hive is limited.
 */
#ifndef BOOTSHIFT_REGF_H
#define BOOTSHIFT_REGF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/vector.h"

#define REGF_NAME_MAX 256u /* characters in a key's name, and room for its final zero */

/* The types that are read here. */
enum regf_value_type {
	REGF_SZ = 1,
	REGF_EXPAND_SZ = 2,
	REGF_BINARY = 3,
	REGF_DWORD = 4,
	REGF_MULTI_SZ = 7,
};

struct regf {
	/* Reads `length` bytes at `offset` of the hive, all of them or none. */
	int (*read)(void *source, uint64_t offset, void *buffer, size_t length,
		    struct bs_error *err);
	void *source;
	uint64_t size; /* bytes */
	/* Set by regf_open(): */
	uint32_t root;     /* the root key */
	bool dirty;        /* the hive's log files have newer data */
	uint32_t sequence; /* of the last change that is completely in the hive */
	uint64_t effort;   /* that is left for reading the hive: bytes, and some for each cell */
};

struct regf_value {
	uint32_t type;
	uint32_t size;   /* bytes of data */
	uint64_t offset; /* of the data in the hive, where they are contiguous */
};

DEFINE_VECTOR(regf_keys, uint32_t);

/*
 * Checks the base block and finds the root key.  The caller sets `read`, `source` and `size`.
 * Errors, here and below: BS_BCD_DAMAGED with the reason (a caller that reads another hive changes
 * the code), and those of `read`.
 */
MUST_CHECK int regf_open(struct regf *hive, struct bs_error *err);

/* Makes a hive of a buffer, which must outlive it; regf_open() is next. */
void regf_from_buffer(struct regf *hive, const uint8_t *buffer, size_t size);

/* Sets *subkey to the subkey `name` (ASCII, case ignored) of a key, or to 0 if there is none. */
MUST_CHECK int regf_find(struct regf *hive, uint32_t key, const char *name, uint32_t *subkey,
			 struct bs_error *err);

/* The same for a path with backslashes, from the root key on. */
MUST_CHECK int regf_find_path(struct regf *hive, const char *path, uint32_t *key,
			      struct bs_error *err);

/* Sets *subkeys, which the caller frees, also on error. */
MUST_CHECK int regf_subkeys(struct regf *hive, uint32_t key, struct regf_keys *subkeys,
			    struct bs_error *err);

/* A key's name; each character outside of ASCII becomes '?'. */
MUST_CHECK int regf_name(struct regf *hive, uint32_t key, char name[REGF_NAME_MAX],
			 struct bs_error *err);

/* Finds the value `name` (ASCII, case ignored) of a key; *found tells whether there is one. */
MUST_CHECK int regf_value(struct regf *hive, uint32_t key, const char *name, bool *found,
			  struct regf_value *value, struct bs_error *err);

/* A string value as UTF-8, cut to fit `size`; empty if it is missing or no string. */
MUST_CHECK int regf_string(struct regf *hive, uint32_t key, const char *name, char *text,
			   size_t size, struct bs_error *err);

/* ---- transaction logs (BCD.LOG1 and the like), in a buffer ---------------------------------- */

#define REGF_LOG_SIZE_MAX (16u << 20) /* bytes; the log of a BCD has up to some hundred KiB */

/*
 * Whether a log holds changes that follow those of a hive whose two sequence numbers are both
 * `sequence`: valid entries that begin with that number or the next one, and go beyond it.  Windows
 * applies them only if the hive's numbers differ, but a program may have undone that sign.  Entries
 * with other numbers are old, or belong to another hive that had the name before.  Logs of the
 * format before Windows 8.1 hold nothing for a hive whose numbers are equal.
 */
bool regf_log_is_newer(const uint8_t *log, size_t size, uint32_t sequence);

/* The Marvin32 hash with the seed of registry logs. */
uint64_t regf_log_hash(const uint8_t *bytes, size_t length);

/* Whether 512 bytes are the first of a hive or of its log, by signature and checksum. */
bool regf_is_base_block(const uint8_t *bytes);

#endif
