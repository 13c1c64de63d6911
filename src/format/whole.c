/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qcow2 and VMDK have a directory, whose entries lead to tables, whose entries lead to the data.
 * The tables of a VMDK have 64 MiB for each TiB, those of a qcow2 image 128 MiB.
 */
#include "format/whole.h"

#include <inttypes.h>
#include <stdlib.h>

#include "disk/cache.h"
#include "format/claims.h"
#include "format/qcow2.h"
#include "format/table-walk.h"
#include "util/bytes.h"

#define SECTOR_SIZE 512u /* everything of a container begins at one */

/*
 * Bytes of L1 and L2 tables that are read of one qcow2 image, holes of the file included.  A disk
 * of 64 TiB has 8 GiB of them, one of 2 TiB with the smallest clusters 32 GiB.
 */
#define TABLES_MAX (64ull << 30)

static int fail_table(const struct disk *container, uint64_t place, struct bs_error *err)
{
	return fail(err, BS_CONTAINER_CORRUPT,
		    "the file is cut short: it ends at byte %" PRIu64 ", a table is at %" PRIu64,
		    disk_size(container), place);
}

/* ---- qcow2 ---------------------------------------------------------------------------------- */

#define OFFSET_BITS   0x00fffffffffffe00u /* of an entry of the L1 or of an L2 table */
#define COMPRESSED    (1ull << 62)        /* an entry of an L2 table has another form */
#define REFCOUNT_BITS 0xfffffffffffffe00u /* of an entry of the refcount table */

/*
 * What the driver writes in place, however often it is counted, are the areas.  L2 tables and
 * clusters that are counted more than once are copied before they are written to.
 */
struct clusters {
	struct disk *container;
	struct claims *claims;
	struct qcow2_tables tables;
	uint8_t *seen;        /* a bit for each sector: an L2 table that begins there is done */
	uint64_t tables_left; /* bytes of tables that may still be read */
	uint64_t l2_number;   /* of the present L2 table */
};

static int add_refcount_block(void *context, uint64_t index, const uint8_t *entry,
			      struct bs_error *err)
{
	struct clusters *clusters = context;
	uint64_t place = load_be64(entry) & REFCOUNT_BITS;

	if (place == 0)
		return 0;
	if (!range_within(place, clusters->tables.cluster_size, disk_size(clusters->container)))
		return fail_table(clusters->container, place, err);
	return claims_add_area(clusters->claims, "block of counts", index, place,
			       clusters->tables.cluster_size, err);
}

static int add_areas(struct clusters *clusters, struct bs_error *err)
{
	const struct qcow2_tables *tables = &clusters->tables;
	struct claims *claims = clusters->claims;
	struct table counts = {.offset = tables->refcount_offset,
			       .entries = tables->refcount_entries,
			       .entry_size = QCOW2_REFCOUNT_ENTRY_SIZE};

	if (claims_add_area(claims, "header", CLAIMS_NO_NUMBER, 0, tables->cluster_size, err) ||
	    claims_add_area(claims, "L1 table", CLAIMS_NO_NUMBER, tables->l1_offset,
			    tables->l1_entries * QCOW2_L1_ENTRY_SIZE, err) != 0 ||
	    claims_add_area(claims, "table of counts", CLAIMS_NO_NUMBER, counts.offset,
			    counts.entries * counts.entry_size, err) != 0 ||
	    claims_add_area(claims, "list of bitmaps", CLAIMS_NO_NUMBER, tables->bitmaps_offset,
			    tables->bitmaps_length, err) != 0 ||
	    table_walk(clusters->container, &counts, add_refcount_block, clusters, err) != 0)
		return -1;
	return claims_close_areas(claims, err);
}

static int visit_cluster(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct clusters *clusters = context;
	uint64_t value = load_be64(entry), places = clusters->tables.compressed_places;
	uint64_t place = value & OFFSET_BITS, length = clusters->tables.cluster_size;
	uint64_t number = clusters->l2_number * (length / clusters->tables.l2_entry_size) + index;

	if (value & COMPRESSED) {
		/* The bits between have how many more sectors it touches than the first one. */
		place = value & places;
		length = ((value & (COMPRESSED - 1) & ~places) / (places + 1) + 1) * SECTOR_SIZE -
			 place % SECTOR_SIZE;
	}
	if (place == 0)
		return 0;
	return claims_check_shared(clusters->claims, "cluster", number, place, length, err);
}

/* No two tables of a sound image overlap, so all of them have no more bytes than the file. */
static int walk_table(struct clusters *clusters, const struct table *table, table_visit *visit,
		      struct bs_error *err)
{
	uint64_t length = table->entries * table->entry_size; /* both factors have 32 bits */

	if (length > clusters->tables_left)
		return disk_size(clusters->container) <= TABLES_MAX
			       ? fail(err, BS_CONTAINER_CORRUPT,
				      "the image has more tables than there is room for in the "
				      "file")
			       : fail(err, BS_FORMAT_UNSUPPORTED,
				      "the image has more than %llu GiB of tables, too many to be "
				      "checked",
				      TABLES_MAX >> 30);
	clusters->tables_left -= length;
	return table_walk(clusters->container, table, visit, clusters, err);
}

static bool seen_before(struct clusters *clusters, uint64_t sector)
{
	uint8_t bit = (uint8_t)(1u << sector % 8);
	bool seen = clusters->seen[sector / 8] & bit;

	clusters->seen[sector / 8] |= bit;
	return seen;
}

static int visit_l2_table(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct clusters *clusters = context;
	const struct qcow2_tables *tables = &clusters->tables;
	struct table table = {.offset = load_be64(entry) & OFFSET_BITS,
			      .entries = tables->cluster_size / tables->l2_entry_size,
			      .entry_size = tables->l2_entry_size};

	if (table.offset == 0)
		return 0;
	if (claims_check_shared(clusters->claims, "L2 table", index, table.offset,
				tables->cluster_size, err) != 0)
		return -1;
	if (seen_before(clusters, table.offset / SECTOR_SIZE))
		return 0;
	clusters->l2_number = index;
	return walk_table(clusters, &table, visit_cluster, err);
}

static int walk_l1_table(struct clusters *clusters, uint64_t offset, uint64_t entries,
			 struct bs_error *err)
{
	const struct table table = {offset, entries, QCOW2_L1_ENTRY_SIZE, 0};

	return walk_table(clusters, &table, visit_l2_table, err);
}

/* Snapshots have L1 tables of their own, which share L2 tables with the others. */
static int walk_snapshots(struct clusters *clusters, struct bs_error *err)
{
	uint64_t at = clusters->tables.snapshots_offset;
	uint8_t entry[QCOW2_SNAPSHOT_SIZE];
	struct qcow2_snapshot snapshot;

	for (uint32_t i = 0; i < clusters->tables.snapshots; i++) {
		if (!range_within(at, sizeof(entry), disk_size(clusters->container)))
			return fail_table(clusters->container, at, err);
		if (disk_read(clusters->container, at, entry, sizeof(entry), err) != 0)
			return -1;
		qcow2_decode_snapshot(entry, &snapshot);
		if (claims_check_shared(clusters->claims, "snapshot", i, at, snapshot.length,
					err) != 0 ||
		    claims_check_shared(clusters->claims, "L1 table of snapshot", i,
					snapshot.l1_offset,
					snapshot.l1_entries * QCOW2_L1_ENTRY_SIZE, err) != 0 ||
		    walk_l1_table(clusters, snapshot.l1_offset, snapshot.l1_entries, err) != 0)
			return -1;
		at += snapshot.length;
	}
	return 0;
}

static int read_qcow2_tables(struct clusters *clusters, struct bs_error *err)
{
	uint64_t size = disk_size(clusters->container);
	size_t length = (size_t)min_u64(size, QCOW2_HEADER_MAX);
	uint8_t head[QCOW2_HEADER_MAX];

	if (disk_read(clusters->container, 0, head, length, err) != 0)
		return -1;
	return qcow2_decode_tables(head, length, size, &clusters->tables, err);
}

static int check_clusters(struct disk *container, struct claims *claims, struct bs_error *err)
{
	uint64_t size = disk_size(container);
	struct clusters clusters = {
		.container = container,
		.claims = claims,
		.tables_left = min_u64(size, TABLES_MAX),
	};
	int result = -1;

	if (read_qcow2_tables(&clusters, err) != 0 || add_areas(&clusters, err) != 0)
		return -1;
	/* Of so much memory, only the pages are real that have a table in them. */
	clusters.seen = calloc(size / SECTOR_SIZE / 8 + 1, 1);
	if (clusters.seen == NULL)
		return fail(err, BS_NO_MEMORY, "no memory for the tables of the image");
	if (walk_l1_table(&clusters, clusters.tables.l1_offset, clusters.tables.l1_entries, err) ==
		    0 &&
	    walk_snapshots(&clusters, err) == 0)
		result = 0;
	free(clusters.seen);
	return result;
}

/* ---- VMDK ----------------------------------------------------------------------------------- */

struct grains {
	struct disk *container;
	struct claims *claims;
	struct vmdk_tables tables;
	uint64_t table_number; /* of the present grain table */
};

static uint64_t decode_place(const uint8_t *entry)
{
	return (uint64_t)load_le32(entry) * SECTOR_SIZE;
}

static int add_table(struct grains *grains, const char *what, uint64_t number, uint64_t place,
		     struct bs_error *err)
{
	uint64_t length = (uint64_t)grains->tables.table_entries * VMDK_TABLE_ENTRY_SIZE;

	if (!range_within(place, length, disk_size(grains->container)))
		return fail_table(grains->container, place, err);
	return claims_add_area(grains->claims, what, number, place, length, err);
}

/*
 * The driver reads a grain table by the first directory, and writes to that and, unasked, to the
 * one where the second directory leads.  For an entry of 0 that would be the header.
 */
static int add_tables(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	struct grains *grains = context;
	const struct vmdk_tables *tables = &grains->tables;
	uint8_t copy[VMDK_TABLE_ENTRY_SIZE];
	uint64_t place = decode_place(entry);

	if (place == 0)
		return 0;
	if (add_table(grains, "grain table", index, place, err) != 0)
		return -1;
	if (tables->copy_offset == 0)
		return 0;
	if (disk_read(grains->container, tables->copy_offset + index * sizeof(copy), copy,
		      sizeof(copy), err) != 0)
		return -1;
	place = decode_place(copy);
	return add_table(grains, "copy of grain table", index, place, err);
}

static int visit_grain(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	const struct grains *grains = context;
	const struct vmdk_tables *tables = &grains->tables;
	uint64_t number = grains->table_number * tables->table_entries + index;
	uint64_t place = decode_place(entry);

	if (place == 0 || (place == SECTOR_SIZE && tables->zero_grains) || number >= tables->grains)
		return 0;
	return claims_add_piece(grains->claims, number, place, err);
}

static int visit_grain_table(void *context, uint64_t index, const uint8_t *entry,
			     struct bs_error *err)
{
	struct grains *grains = context;
	struct table table = {.offset = decode_place(entry),
			      .entries = grains->tables.table_entries,
			      .entry_size = VMDK_TABLE_ENTRY_SIZE};

	if (table.offset == 0)
		return 0;
	grains->table_number = index;
	return table_walk(grains->container, &table, visit_grain, grains, err);
}

static int read_vmdk_tables(struct grains *grains, struct bs_error *err)
{
	uint64_t size = disk_size(grains->container);
	size_t length = (size_t)min_u64(size, VMDK_HEAD_SIZE);
	uint8_t head[VMDK_HEAD_SIZE];

	if (disk_read(grains->container, 0, head, length, err) != 0)
		return -1;
	return vmdk_decode_tables(head, length, size, &grains->tables, err);
}

/* No two grain tables share bytes, so that all of them have no more than those of the file. */
static int check_grains(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct grains grains = {.container = container, .claims = claims};
	const struct vmdk_tables *tables = &grains.tables;
	struct table directory = {.entry_size = VMDK_TABLE_ENTRY_SIZE};
	uint64_t length;

	if (read_vmdk_tables(&grains, err) != 0)
		return -1;
	directory.offset = tables->directory_offset;
	directory.entries = tables->directory_entries;
	length = tables->directory_entries * VMDK_TABLE_ENTRY_SIZE;
	if (claims_add_area(claims, "header", CLAIMS_NO_NUMBER, 0, VMDK_HEAD_SIZE, err) != 0 ||
	    claims_add_area(claims, "grain directory", CLAIMS_NO_NUMBER, directory.offset, length,
			    err) != 0 ||
	    claims_add_area(claims, "second grain directory", CLAIMS_NO_NUMBER, tables->copy_offset,
			    tables->copy_offset != 0 ? length : 0, err) != 0 ||
	    table_walk(container, &directory, add_tables, &grains, err) != 0 ||
	    claims_close_areas(claims, err) != 0 ||
	    claims_begin_pieces(claims, "grain", tables->grain_size, err) != 0)
		return -1;
	return table_walk(container, &directory, visit_grain_table, &grains, err);
}

/* ---- both ----------------------------------------------------------------------------------- */

/* Small tables that lie side by side are read in larger pieces, through a cache. */
static int check(struct disk *container, claims_reporter *report, struct bs_error *err)
{
	struct disk *cache = cache_open(container, err);
	int result = cache != NULL ? claims_check(cache, report, err) : -1;

	disk_close(cache);
	return result;
}

int whole_check_qcow2(struct disk *container, const struct format *format, struct bs_error *err)
{
	(void)format;
	return check(container, check_clusters, err);
}

int whole_check_vmdk(struct disk *container, const struct format *format, struct bs_error *err)
{
	uint64_t end = disk_size(container);

	if (format->access != FORMAT_ELSEWHERE)
		return check(container, check_grains, err);
	if (!range_within(format->offset, format->length, end))
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the file is cut short: it ends at byte %" PRIu64
			    ", the disk in it at %" PRIu64,
			    end, format->offset + format->length);
	return 0;
}
