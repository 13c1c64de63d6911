/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry hives ("regf" files) and their transaction logs: a reader.
 *
 * The reader follows offsets from cell to cell and reads only the cells that it needs.  So a value
 * of a SOFTWARE hive of 100 MiB costs only some dozen small reads.  The caller supplies the read
 * function, so a hive can be a buffer (a BCD) or a file in a volume.
 *
 * All numbers are little-endian.  The base block has 4096 bytes.  The cells follow it, and their
 * offsets count from its end.  A cell begins with its 32-bit size, which is negative if the cell is
 * in use.  (Layout: github.com/msuhanov/regf, "Windows registry file format specification".)
 *
 * A hive is untrusted.  The reader checks each cell against the hive's size, allows one level of
 * lists in lists, and bounds each count by the cell that holds it.  So every loop ends.  Cells can
 * be shared, so a small hive can describe a huge tree: therefore the reader limits the effort for
 * one hive.
 */
#ifndef BOOTSHIFT_REGF_H
#define BOOTSHIFT_REGF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/vector.h"

#define REGF_NAME_MAX 256u /* characters of a key's name, including its final zero */

/* The value types that bootshift reads. */
enum regf_value_type {
	REGF_SZ = 1,
	REGF_EXPAND_SZ = 2,
	REGF_BINARY = 3,
	REGF_DWORD = 4,
	REGF_MULTI_SZ = 7,
};

struct regf {
	/* Reads all of the `length` bytes at `offset` of the hive, or fails. */
	int (*read)(void *source, uint64_t offset, void *buffer, size_t length,
		    struct bs_error *err);
	void *source;
	uint64_t size; /* bytes */
	/* Set by regf_open(): */
	uint32_t root;     /* the root key */
	bool dirty;        /* the hive's log files have newer data */
	uint32_t sequence; /* number of the last change that is completely in the hive */
	uint64_t effort;   /* remaining effort: bytes to read, and CELL_EFFORT for each cell */
};

struct regf_value {
	uint32_t type;
	uint32_t size;   /* bytes of data */
	uint64_t offset; /* where the data are in the hive, contiguous */
};

DEFINE_VECTOR(regf_keys, uint32_t);

/*
 * Checks the base block and finds the root key.  The caller sets `read`, `source` and `size`.
 * Errors, here and below: BS_BCD_DAMAGED with the reason (a caller that reads another hive changes
 * the code), and those of `read`.
 */
MUST_CHECK int regf_open(struct regf *hive, struct bs_error *err);

/* Makes a hive from a buffer, which must outlive the hive.  The caller then calls regf_open(). */
void regf_from_buffer(struct regf *hive, const uint8_t *buffer, size_t size);

/* Sets *subkey to the subkey `name` (ASCII, case ignored) of a key, or to 0 if there is none. */
MUST_CHECK int regf_find(struct regf *hive, uint32_t key, const char *name, uint32_t *subkey,
			 struct bs_error *err);

/* Does the same for a path with backslashes that starts at the root key. */
MUST_CHECK int regf_find_path(struct regf *hive, const char *path, uint32_t *key,
			      struct bs_error *err);

/* Lists the subkeys of a key.  The caller frees *subkeys, also on error. */
MUST_CHECK int regf_subkeys(struct regf *hive, uint32_t key, struct regf_keys *subkeys,
			    struct bs_error *err);

/* Copies a key's name.  A character outside of ASCII becomes '?'. */
MUST_CHECK int regf_name(struct regf *hive, uint32_t key, char name[REGF_NAME_MAX],
			 struct bs_error *err);

/* Finds the value `name` (ASCII, case ignored) of a key; *found tells whether there is one. */
MUST_CHECK int regf_value(struct regf *hive, uint32_t key, const char *name, bool *found,
			  struct regf_value *value, struct bs_error *err);

/* Copies a string value as UTF-8, cut to fit `size`.  "" if the value is missing or no string. */
MUST_CHECK int regf_string(struct regf *hive, uint32_t key, const char *name, char *text,
			   size_t size, struct bs_error *err);

/* ---- transaction logs (BCD.LOG1 and the like), in a buffer ---------------------------------- */

#define REGF_LOG_SIZE_MAX (16u << 20) /* bytes; the log of a BCD has at most some hundred KiB */

/*
 * Returns whether a log holds changes that a hive lacks.  Both sequence numbers of the hive must be
 * `sequence`.  The log's entries must be valid, begin with that number or the next one, and go
 * beyond it.  Windows applies such entries only if the hive's two numbers differ, but a program may
 * have made them equal.  Entries with other numbers are old, or belong to an earlier hive with the
 * same name.  Logs of the format before Windows 8.1 hold nothing for a hive whose numbers are
 * equal.
 */
bool regf_log_is_newer(const uint8_t *log, size_t size, uint32_t sequence);

/* Returns the Marvin32 hash of `bytes`, with the seed of registry logs. */
uint64_t regf_log_hash(const uint8_t *bytes, size_t length);

/* Returns whether 512 bytes are the start of a hive or of a log, by signature and checksum. */
bool regf_is_base_block(const uint8_t *bytes);

#endif
