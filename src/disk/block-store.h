/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an overlay keeps the bytes of its changed blocks: slots of one block each, the first ones
 * in memory, those beyond the limit in an unlinked temporary file.  A slot is used until the store
 * is reset: the only blocks that an overlay forgets are those that a shorter disk cuts off, and
 * containers become shorter too rarely to keep a list of free slots for it.
 */
#ifndef BOOTSHIFT_BLOCK_STORE_H
#define BOOTSHIFT_BLOCK_STORE_H

#include <stddef.h>

#include "util/err.h"

struct block_store {
	char *directory;  /* of the temporary file */
	int descriptor;   /* of the temporary file, -1 before it is needed */
	uint8_t **chunks; /* memory, each for SLOTS_PER_CHUNK slots */
	uint32_t chunk_count;
	uint32_t memory_slots; /* slots below this number lie in memory */
	uint32_t count;        /* slots in use */
};

/*
 * Sets up an empty store, to be freed with block_store_destroy().  `memory_limit` is in bytes,
 * rounded down to blocks; `directory` NULL means $TMPDIR or /tmp.  BS_NO_MEMORY.
 */
MUST_CHECK int block_store_init(struct block_store *store, uint64_t memory_limit,
				const char *directory, struct bs_error *err);

/*
 * Puts a block of OVERLAY_BLOCK_SIZE bytes into a new slot.  Errors: BS_NO_MEMORY, BS_NO_SPACE,
 * BS_IO; then no slot was taken.
 */
MUST_CHECK int block_store_add(struct block_store *store, const void *block, uint32_t *slot,
			       struct bs_error *err);

/* Reads or changes `length` bytes at `offset` within the block in a slot in use. */
MUST_CHECK int block_store_read(struct block_store *store, uint32_t slot, size_t offset,
				void *buffer, size_t length, struct bs_error *err);
MUST_CHECK int block_store_write(struct block_store *store, uint32_t slot, size_t offset,
				 const void *buffer, size_t length, struct bs_error *err);

/* Frees every slot, and the memory and the disk space behind them. */
void block_store_reset(struct block_store *store);

void block_store_destroy(struct block_store *store);

#endif
