/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "format/tables.h"

#include "util/bytes.h"

#define CHUNK 65536u /* bytes read at a time */

static bool table_is_unused(const struct table *table, const uint8_t *bytes, size_t length)
{
	return bytes[0] == table->unused && memcmp(bytes, bytes + 1, length - 1) == 0;
}

int table_walk(struct disk *container, const struct table *table, table_visit *visit, void *context,
	       struct bs_error *err)
{
	const uint32_t size = table->entry_size;
	uint8_t chunk[CHUNK];
	uint64_t length;

	if (!mul_u64(table->entries, size, &length) ||
	    !range_within(table->offset, length, disk_size(container)))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a table of the image lies beyond the file's end");
	for (uint64_t done = 0; done < length; done += CHUNK) {
		size_t part = (size_t)min_u64(CHUNK, length - done);

		if (disk_read(container, table->offset + done, chunk, part, err) < 0)
			return -1;
		if (table_is_unused(table, chunk, part))
			continue;
		for (size_t at = 0; at < part; at += size)
			if (visit(context, (done + at) / size, chunk + at, err) < 0)
				return -1;
	}
	return 0;
}

struct block_visit {
	const struct block_table *blocks;
	struct claims *claims;
};

static int table_claim_block(void *context, uint64_t index, const uint8_t *entry,
			     struct bs_error *err)
{
	const struct block_visit *visit = context;
	const uint32_t chunk = visit->blocks->chunk;
	uint64_t offset;

	if (chunk > 0) {
		if (index % (chunk + 1) == chunk)
			return 0;
		index -= index / (chunk + 1);
	}
	if (!visit->blocks->decode(visit->blocks, entry, &offset))
		return 0;
	return claims_add_piece(visit->claims, index, offset, err);
}

int table_claim_blocks(struct disk *container, const struct block_table *blocks,
		       struct claims *claims, struct bs_error *err)
{
	const struct table *table = &blocks->table;
	struct block_visit visit = {blocks, claims};

	if (claims_add_area(claims, "table of blocks", CLAIMS_NO_NUMBER, table->offset,
			    table->entries * table->entry_size, err) < 0 ||
	    claims_close_areas(claims, err) < 0 ||
	    claims_begin_pieces(claims, "block", blocks->block_length, err) < 0)
		return -1;
	return table_walk(container, table, table_claim_block, &visit, err);
}
