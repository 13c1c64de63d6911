/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block store keeps the bytes of an overlay's changed blocks in slots of one block each.  The
 * first slots lie in memory, the slots beyond the limit in an unlinked temporary file.  A slot
 * stays in use until the store is reset.  A list of free slots would not pay: an overlay drops
 * blocks only when the disk becomes shorter, and containers rarely become shorter.
 */
#ifndef BOOTSHIFT_BLOCK_STORE_H
#define BOOTSHIFT_BLOCK_STORE_H

#include <stddef.h>

#include "util/err.h"

struct block_store {
	char *directory;  /* of the temporary file */
	int descriptor;   /* of the temporary file, -1 before it is needed */
	uint8_t **chunks; /* memory; each chunk has SLOTS_PER_CHUNK slots */
	uint32_t chunk_count;
	uint32_t memory_slots; /* slots below this number lie in memory */
	uint32_t count;        /* slots in use */
};

/*
 * Sets up an empty store.  The caller frees it with block_store_destroy().  `memory_limit` is in
 * bytes, rounded down to blocks; `directory` NULL means $TMPDIR or /tmp.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int block_store_init(struct block_store *store, uint64_t memory_limit,
				const char *directory, struct bs_error *err);

/*
 * Puts a block of OVERLAY_BLOCK_SIZE bytes into a new slot.  On error no slot is used:
 * BS_NO_MEMORY, BS_NO_SPACE, BS_IO.
 */
MUST_CHECK int block_store_add(struct block_store *store, const void *block, uint32_t *slot,
			       struct bs_error *err);

/* Reads or writes `length` bytes at `offset` of the block in `slot`, which is in use. */
MUST_CHECK int block_store_read(struct block_store *store, uint32_t slot, size_t offset,
				void *buffer, size_t length, struct bs_error *err);
MUST_CHECK int block_store_write(struct block_store *store, uint32_t slot, size_t offset,
				 const void *buffer, size_t length, struct bs_error *err);

/* Frees every slot, the memory and the temporary file. */
void block_store_reset(struct block_store *store);

void block_store_destroy(struct block_store *store);

#endif
