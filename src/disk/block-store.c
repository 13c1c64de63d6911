/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slots with numbers below memory_slots lie in chunks of memory, all others at offset
 * (slot - memory_slots) * OVERLAY_BLOCK_SIZE of the temporary file.  The file is made without a
 * name or is unlinked at once, so no file remains, however the process ends.
 */
#include "disk/block-store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/overlay.h"
#include "util/bytes.h"
#include "util/io.h"
#include "util/memory.h"

#define SLOTS_PER_CHUNK 512u /* 2 MiB */

int block_store_init(struct block_store *store, uint64_t memory_limit, const char *directory,
		     struct bs_error *err)
{
	*store = (struct block_store){
		.directory = strdup(directory ? directory : io_temporary_folder()),
		.descriptor = -1,
		.memory_slots = (uint32_t)min_u64(memory_limit / OVERLAY_BLOCK_SIZE, UINT32_MAX),
	};
	return store->directory ? 0 : fail_memory(err);
}

/* Allocates the chunk that contains a new slot, if the chunk does not exist yet. */
static int block_store_reserve_memory(struct block_store *store, uint32_t slot,
				      struct bs_error *err)
{
	uint8_t **chunks;

	if (slot / SLOTS_PER_CHUNK < store->chunk_count)
		return 0;
	chunks = realloc(store->chunks, (store->chunk_count + 1) * sizeof(*chunks));
	if (!chunks)
		return fail_memory(err);
	store->chunks = chunks;
	chunks[store->chunk_count] = memory_large((size_t)SLOTS_PER_CHUNK * OVERLAY_BLOCK_SIZE);
	if (!chunks[store->chunk_count])
		return fail_memory(err);
	store->chunk_count++;
	return 0;
}

static int block_store_reserve_file(struct block_store *store, struct bs_error *err)
{
	if (store->descriptor >= 0)
		return 0;
	store->descriptor = io_open_unnamed(store->directory, 0);
	if (store->descriptor < 0)
		return fail_errno(err, errno == ENOSPC ? BS_NO_SPACE : BS_IO,
				  "cannot make a temporary file in %s", store->directory);
	return 0;
}

static uint8_t *block_store_memory(const struct block_store *store, uint32_t slot)
{
	return store->chunks[slot / SLOTS_PER_CHUNK] +
	       (size_t)(slot % SLOTS_PER_CHUNK) * OVERLAY_BLOCK_SIZE;
}

static uint64_t block_store_offset(const struct block_store *store, uint32_t slot)
{
	return (uint64_t)(slot - store->memory_slots) * OVERLAY_BLOCK_SIZE;
}

int block_store_read(struct block_store *store, uint32_t slot, size_t offset, void *buffer,
		     size_t length, struct bs_error *err)
{
	if (slot < store->memory_slots) {
		memcpy(buffer, block_store_memory(store, slot) + offset, length);
		return 0;
	}
	if (file_read_at(store->descriptor, block_store_offset(store, slot) + offset, buffer,
			 length, err) < 0)
		return fail_prefix(err, "temporary file in %s", store->directory);
	return 0;
}

int block_store_write(struct block_store *store, uint32_t slot, size_t offset, const void *buffer,
		      size_t length, struct bs_error *err)
{
	if (slot < store->memory_slots) {
		memcpy(block_store_memory(store, slot) + offset, buffer, length);
		return 0;
	}
	if (file_write_at(store->descriptor, block_store_offset(store, slot) + offset, buffer,
			  length, err) < 0)
		return fail_prefix(err, "temporary file in %s", store->directory);
	return 0;
}

int block_store_add(struct block_store *store, const void *block, uint32_t *slot,
		    struct bs_error *err)
{
	uint32_t fresh = store->count;
	int result;

	if (fresh == UINT32_MAX)
		return fail(err, BS_NO_MEMORY, "too many blocks have changed");
	result = fresh < store->memory_slots ? block_store_reserve_memory(store, fresh, err)
					     : block_store_reserve_file(store, err);
	if (result < 0 || block_store_write(store, fresh, 0, block, OVERLAY_BLOCK_SIZE, err) < 0)
		return -1;
	store->count++;
	*slot = fresh;
	return 0;
}

void block_store_reset(struct block_store *store)
{
	for (uint32_t i = 0; i < store->chunk_count; i++)
		free(store->chunks[i]);
	free(store->chunks);
	store->chunks = NULL;
	store->chunk_count = 0;
	if (store->descriptor >= 0)
		close(store->descriptor);
	store->descriptor = -1;
	store->count = 0;
}

void block_store_destroy(struct block_store *store)
{
	block_store_reset(store);
	free(store->directory);
}
