/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the tables of a container.  table_walk() visits the entries of a table of any length with
 * little memory.  table_claim_blocks() checks a table whose entries refer to blocks.
 */
#ifndef BOOTSHIFT_TABLES_H
#define BOOTSHIFT_TABLES_H

#include <stdbool.h>

#include "disk/disk.h"
#include "format/claims.h"

struct table {
	uint64_t offset; /* in the container, bytes */
	uint64_t entries;
	uint32_t entry_size; /* bytes; a power of two, up to 16 */
	uint8_t unused;      /* every byte of an unused entry has this value */
};

/* Called with one entry of a table.  `index` counts from 0.  Returns 0, or -1 to end the walk. */
typedef int table_visit(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err);

/*
 * Calls `visit` for each entry of a table, in order.  Skips long runs of unused entries.  Errors:
 * BS_CONTAINER_CORRUPT when the table does not lie within the container, those of reading, and
 * those of `visit`.
 */
MUST_CHECK int table_walk(struct disk *container, const struct table *table, table_visit *visit,
			  void *context, struct bs_error *err);

/* A table whose entries refer to blocks; all blocks have the same length. */
struct block_table {
	struct table table;    /* only as many entries as the disk needs */
	uint64_t block_length; /* in the container, bytes */
	/* VHDX: an entry of another kind follows each `chunk` entries for blocks; 0: none does. */
	uint32_t chunk;
	uint64_t data_offset; /* VDI: the offset of block 0 in the container, bytes */
	/* Sets *offset to the block of an entry, bytes in the container.  False: no block. */
	bool (*decode)(const struct block_table *blocks, const uint8_t *entry, uint64_t *offset);
};

/*
 * Claims the table and all its blocks.  The caller has claimed all other areas of the container.
 * Errors: those of table_walk(), claims_close_areas() and claims_add_piece().
 */
MUST_CHECK int table_claim_blocks(struct disk *container, const struct block_table *blocks,
				  struct claims *claims, struct bs_error *err);

#endif
