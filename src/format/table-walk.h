/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going through a table in a container, however long it is, with little memory. */
#ifndef BOOTSHIFT_TABLE_WALK_H
#define BOOTSHIFT_TABLE_WALK_H

#include "disk/disk.h"

struct table {
	uint64_t offset; /* in the container, bytes */
	uint64_t entries;
	uint32_t entry_size; /* bytes; a power of two, up to 16 */
	uint8_t unused;      /* an unused entry is made of this byte */
};

/* Gets one entry of a table, `index` counting from 0; -1 ends the walk. */
typedef int table_visit(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err);

/*
 * Calls `visit` for the entries of a table in their order; where many in a row are unused, they are
 * left out.  Errors: BS_CONTAINER_CORRUPT when the table does not lie within the container, those
 * of reading it, and of `visit`.
 */
MUST_CHECK int table_walk(struct disk *container, const struct table *table, table_visit *visit,
			  void *context, struct bs_error *err);

#endif
