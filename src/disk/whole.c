/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qcow2 and VMDK have a directory, whose entries lead to tables, whose entries lead to the data.
 * The tables of a VMDK are gone through, 64 MiB of them for each TiB.
 *
 * A qcow2 image also counts the references to each of its clusters, by place in the file, so that
 * one or two reads of what is counted beyond the end tell that it is whole.  They do not tell that
 * it is not: a program that was killed leaves clusters counted that nobody refers to, which is
 * legal, or, with lazy counting, clusters in use that are not counted.  Only then the tables are
 * gone through, those of all snapshots, too.
 */
#include "disk/whole.h"

#include <inttypes.h>
#include <stdlib.h>

#include "disk/qcow2.h"
#include "disk/table-walk.h"
#include "util/bytes.h"

#define HEAD_SIZE   512u /* has the fields of either header; no such container is shorter */
#define SECTOR_SIZE 512u /* everything of a container begins at one */

/* ---- two levels of tables ------------------------------------------------------------------- */

struct search {
	struct disk *container;
	/* Where in the container is what an entry of either level leads to, bytes; 0: nothing. */
	uint64_t (*place)(const struct search *search, const uint8_t *entry);
	uint64_t compressed_places; /* qcow2: the bits of an entry with the place */
	struct table table;         /* of the second level; its offset is that of the present one */
	uint8_t *seen;              /* a bit for each sector: a table that begins there is done */
	uint64_t directories_left;  /* bytes: there cannot be more, or some overlap */
	uint64_t last;              /* where the last data begin */
};

static int search_begin(struct search *search, struct bs_error *err)
{
	uint64_t end = disk_size(search->container);

	/* Of so much memory, only the pages are real that have a table in them. */
	search->seen = calloc(end / SECTOR_SIZE / 8 + 1, 1);
	if (search->seen == NULL)
		return fail(err, BS_NO_MEMORY, "no memory for the tables of the image");
	search->directories_left = end;
	return 0;
}

/* Frees what the search has; fails when it has failed, or found data beyond the end. */
static int search_end(struct search *search, int result, struct bs_error *err)
{
	uint64_t end = disk_size(search->container);

	free(search->seen);
	if (result == 0 && search->last >= end)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the file is cut short: it ends at byte %" PRIu64
			    ", its last data begin at %" PRIu64,
			    end, search->last);
	return result;
}

static bool seen_before(struct search *search, uint64_t sector)
{
	uint8_t bit = (uint8_t)(1u << sector % 8);
	bool seen = search->seen[sector / 8] & bit;

	search->seen[sector / 8] |= bit;
	return seen;
}

static int visit_data(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct search *search = context;
	uint64_t place = search->place(search, entry);

	(void)index;
	(void)err;
	if (place > search->last)
		search->last = place;
	return 0;
}

static int visit_table(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct search *search = context;
	uint64_t place = search->place(search, entry);

	(void)index;
	if (place == 0 ||
	    (place < disk_size(search->container) && seen_before(search, place / SECTOR_SIZE)))
		return 0;
	search->table.offset = place;
	return table_walk(search->container, &search->table, visit_data, search, err);
}

static int search_directory(struct search *search, const struct table *directory,
			    struct bs_error *err)
{
	uint64_t length = directory->entries * directory->entry_size;

	if (length > search->directories_left)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the image has more tables than there is room for in the file");
	search->directories_left -= length;
	return table_walk(search->container, directory, visit_table, search, err);
}

/* ---- qcow2 ---------------------------------------------------------------------------------- */

#define OFFSET_BITS   0x00fffffffffffe00u /* of an entry of the L1 or of an L2 table */
#define COMPRESSED    (1ull << 62)        /* an entry of an L2 table has another form */
#define REFCOUNT_BITS 0xfffffffffffffe00u /* of an entry of the refcount table */

static int fail_table(const struct disk *container, uint64_t place, struct bs_error *err)
{
	return fail(err, BS_CONTAINER_CORRUPT,
		    "the file is cut short: it ends at byte %" PRIu64 ", a table is at %" PRIu64,
		    disk_size(container), place);
}

struct counts {
	struct disk *container;
	uint32_t cluster_size;
	/* Where the counts of what lies beyond the end begin: the block, and the byte in it, which
	 * has others, too, when they are of few bits; so it may look as if something was beyond. */
	uint64_t end_block, end_byte;
	bool beyond; /* something there is counted, or may be */
};

static int visit_count(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct counts *counts = context;

	(void)index;
	(void)err;
	if (*entry != 0)
		counts->beyond = true;
	return 0;
}

static int visit_block(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct counts *counts = context;
	uint64_t block = load_be64(entry) & REFCOUNT_BITS;
	struct table bytes = {block + counts->end_byte, counts->cluster_size - counts->end_byte, 1};

	if (block == 0)
		return 0;
	if (!range_within(block, counts->cluster_size, disk_size(counts->container)))
		return fail_table(counts->container, block, err);
	/* A block for nothing but clusters beyond the end is there because one was counted. */
	if (index > counts->end_block)
		counts->beyond = true;
	return index == counts->end_block
		       ? table_walk(counts->container, &bytes, visit_count, counts, err)
		       : 0;
}

static int read_counts(struct disk *container, const struct qcow2_tables *tables, bool *beyond,
		       struct bs_error *err)
{
	uint64_t end = (disk_size(container) - 1) / tables->cluster_size + 1; /* clusters */
	uint64_t block_counts = tables->cluster_size * 8ull / tables->refcount_bits;
	struct table directory = {tables->refcount_offset, tables->refcount_entries,
				  QCOW2_REFCOUNT_ENTRY_SIZE};
	struct counts counts = {
		.container = container,
		.cluster_size = tables->cluster_size,
		.end_block = end / block_counts,
		.end_byte = end % block_counts * tables->refcount_bits / 8,
	};
	int result = table_walk(container, &directory, visit_block, &counts, err);

	*beyond = counts.beyond;
	return result;
}

static uint64_t qcow2_place(const struct search *search, const uint8_t *entry)
{
	uint64_t value = load_be64(entry);

	return value & (value & COMPRESSED ? search->compressed_places : OFFSET_BITS);
}

/* Snapshots have L1 tables of their own, which share L2 tables with the others. */
static int search_snapshots(struct search *search, const struct qcow2_tables *tables,
			    struct bs_error *err)
{
	uint64_t at = tables->snapshots_offset;
	uint8_t entry[QCOW2_SNAPSHOT_SIZE];
	struct qcow2_snapshot snapshot;

	for (uint32_t i = 0; i < tables->snapshots; i++) {
		struct table directory = {.entry_size = QCOW2_L1_ENTRY_SIZE};

		if (!range_within(at, sizeof(entry), disk_size(search->container)))
			return fail_table(search->container, at, err);
		if (disk_read(search->container, at, entry, sizeof(entry), err) != 0)
			return -1;
		qcow2_decode_snapshot(entry, &snapshot);
		directory.offset = snapshot.l1_offset;
		directory.entries = snapshot.l1_entries;
		if (search_directory(search, &directory, err) != 0)
			return -1;
		at += snapshot.length;
	}
	return 0;
}

static int check_clusters(struct disk *container, const struct qcow2_tables *tables,
			  struct bs_error *err)
{
	struct table directory = {tables->l1_offset, tables->l1_entries, QCOW2_L1_ENTRY_SIZE};
	struct search search = {
		.container = container,
		.place = qcow2_place,
		.compressed_places = tables->compressed_places,
		.table = {0, tables->cluster_size / tables->l2_entry_size, tables->l2_entry_size},
	};
	int result = search_begin(&search, err);

	if (result == 0)
		result = search_directory(&search, &directory, err);
	if (result == 0)
		result = search_snapshots(&search, tables, err);
	return search_end(&search, result, err);
}

int whole_check_qcow2(struct disk *container, const struct format *format, struct bs_error *err)
{
	struct qcow2_tables tables;
	uint8_t head[HEAD_SIZE];
	bool beyond;

	(void)format;
	if (disk_read(container, 0, head, sizeof(head), err) != 0 ||
	    qcow2_decode_tables(head, sizeof(head), disk_size(container), &tables, err) != 0 ||
	    read_counts(container, &tables, &beyond, err) != 0)
		return -1;
	return beyond || tables.counts_behind ? check_clusters(container, &tables, err) : 0;
}

/* ---- VMDK ----------------------------------------------------------------------------------- */

/* Sector 1, which the descriptor is in, stands for a grain of zeros: it is there, too. */
static uint64_t vmdk_place(const struct search *search, const uint8_t *entry)
{
	(void)search;
	return (uint64_t)load_le32(entry) * SECTOR_SIZE;
}

static int check_grains(struct disk *container, struct bs_error *err)
{
	struct search search = {.container = container, .place = vmdk_place};
	struct vmdk_tables tables;
	struct table directory;
	uint8_t head[HEAD_SIZE];
	int result;

	if (disk_read(container, 0, head, sizeof(head), err) != 0 ||
	    vmdk_decode_tables(head, sizeof(head), disk_size(container), &tables, err) != 0)
		return -1;
	directory = (struct table){tables.directory_offset, tables.directory_entries,
				   VMDK_TABLE_ENTRY_SIZE};
	search.table = (struct table){0, tables.table_entries, VMDK_TABLE_ENTRY_SIZE};
	result = search_begin(&search, err);
	if (result == 0)
		result = search_directory(&search, &directory, err);
	return search_end(&search, result, err);
}

int whole_check_vmdk(struct disk *container, const struct format *format, struct bs_error *err)
{
	uint64_t end = disk_size(container);

	if (format->access != FORMAT_ELSEWHERE)
		return check_grains(container, err);
	if (!range_within(format->offset, format->length, end))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the file is cut short: it ends at byte %" PRIu64
			    ", the disk in it at %" PRIu64,
			    end, format->offset + format->length);
	return 0;
}
