/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of a container: going through one, however long it is, with little memory, and the
 * check of a table whose entries lead to blocks.
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
	uint8_t unused;      /* an unused entry is made of this byte */
};

/* Gets one entry of a table, `index` counting from 0; -1 ends the walk. */
typedef int table_visit(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err);

/*
 * Calls `visit` for the entries of a table in their order.  Long runs of unused entries are left
 * out.  Errors: BS_CONTAINER_CORRUPT when the table does not lie within the container, those of
 * reading it, and of `visit`.
 */
MUST_CHECK int table_walk(struct disk *container, const struct table *table, table_visit *visit,
			  void *context, struct bs_error *err);

/* A table whose entries lead to blocks of one length. */
struct block_table {
	struct table table;    /* only as many entries as the disk needs */
	uint64_t block_length; /* in the container, bytes */
	/* VHDX: after this many entries for blocks comes an entry of another kind; 0: never. */
	uint32_t chunk;
	uint64_t data_offset; /* VDI: where block 0 lies, bytes of the container */
	/* Finds where the block of an entry lies, bytes of the container.  False: it has none. */
	bool (*decode)(const struct block_table *blocks, const uint8_t *entry, uint64_t *offset);
};

/*
 * Lays claim to the table and to all blocks, after all other areas of the container have been
 * claimed.  Errors: those of table_walk(), claims_close_areas() and claims_add_piece().
 */
MUST_CHECK int table_claim_blocks(struct disk *container, const struct block_table *blocks,
				  struct claims *claims, struct bs_error *err);

#endif
