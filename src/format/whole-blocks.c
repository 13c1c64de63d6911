/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VHD, VHDX and VDI have one table, whose entries lead to blocks of one length.  Only those entries
 * count that the disk needs: nobody reads or writes by the others, and some programs leave zeros in
 * them.
 */
#include "format/claims.h"
#include "format/describe.h"
#include "format/table-walk.h"
#include "format/vdi.h"
#include "format/whole.h"
#include "util/bytes.h"

struct blocks {
	struct claims *claims;
	/* Where an entry leads to, bytes of the container.  False: nowhere. */
	bool (*decode)(const struct blocks *blocks, const uint8_t *entry, uint64_t *offset);
	/*
	 * VHDX: after so many entries for blocks comes one of another kind.  0: all are for blocks.
	 */
	uint32_t chunk;
	const struct vdi_tables *vdi;
};

static int visit_block(void *context, uint64_t index, const uint8_t *entry, struct bs_error *err)
{
	const struct blocks *blocks = context;
	uint64_t others = 0, offset; /* entries of the other kind before this one */

	if (blocks->chunk > 0) {
		others = index / (blocks->chunk + 1);
		if (index % (blocks->chunk + 1) == blocks->chunk)
			return 0;
	}
	if (!blocks->decode(blocks, entry, &offset))
		return 0;
	return claims_add_piece(blocks->claims, index - others, offset, err);
}

/* Checks the blocks, when all areas have been added; the table is one of them. */
static int check_blocks(struct disk *container, struct blocks *blocks, uint64_t block_length,
			const struct table *table, struct bs_error *err)
{
	if (claims_add_area(blocks->claims, "table of blocks", CLAIMS_NO_NUMBER, table->offset,
			    table->entries * table->entry_size, err) != 0 ||
	    claims_close_areas(blocks->claims, err) != 0 ||
	    claims_begin_pieces(blocks->claims, "block", block_length, err) != 0)
		return -1;
	return table_walk(container, table, visit_block, blocks, err);
}

/* ---- VHD ------------------------------------------------------------------------------------ */

static bool decode_vhd(const struct blocks *blocks, const uint8_t *entry, uint64_t *offset)
{
	(void)blocks;
	return vhd_decode_entry(entry, offset);
}

static int check_vhd(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct blocks blocks = {.claims = claims, .decode = decode_vhd};
	struct table table = {.entry_size = VHD_TABLE_ENTRY_SIZE, .unused = 0xff};
	struct vhd_dynamic_header header;
	uint8_t bytes[VHD_FOOTER_SIZE];
	struct vhd_footer footer;
	size_t length;

	if (describe_read_footer(container, bytes, &length, err) != 0 ||
	    vhd_decode_footer(bytes, length, &footer, err) != 0 ||
	    describe_vhd_header(container, &footer, &header, err) != 0)
		return -1;
	if (claims_add_area(claims, "footer's copy", CLAIMS_NO_NUMBER, 0, VHD_FOOTER_SIZE, err) ||
	    claims_add_area(claims, "footer", CLAIMS_NO_NUMBER, disk_size(container) - length,
			    length, err) != 0 ||
	    claims_add_area(claims, "header", CLAIMS_NO_NUMBER, footer.dynamic_header_offset,
			    VHD_DYNAMIC_HEADER_SIZE, err) != 0)
		return -1;
	table.offset = header.table_offset;
	table.entries = (footer.current_size - 1) / header.block_size + 1;
	return check_blocks(container, &blocks, vhd_block_length(&header), &table, err);
}

/* ---- VHDX ----------------------------------------------------------------------------------- */

static bool decode_vhdx(const struct blocks *blocks, const uint8_t *entry, uint64_t *offset)
{
	(void)blocks;
	return vhdx_decode_entry(entry, offset);
}

static int check_vhdx(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct blocks blocks = {.claims = claims, .decode = decode_vhdx};
	struct table table = {.entry_size = VHDX_TABLE_ENTRY_SIZE};
	struct vhdx_layout layout;
	struct vhdx_disk disk;

	if (describe_vhdx_layout(container, &layout, &disk, err) != 0)
		return -1;
	if (claims_add_area(claims, "headers", CLAIMS_NO_NUMBER, 0, VHDX_SECTION_SIZE, err) != 0 ||
	    claims_add_area(claims, "log", CLAIMS_NO_NUMBER, layout.log_offset, layout.log_size,
			    err) != 0 ||
	    claims_add_area(claims, "metadata", CLAIMS_NO_NUMBER, layout.metadata_offset,
			    layout.metadata_size, err) != 0)
		return -1;
	blocks.chunk = vhdx_chunk_blocks(&disk);
	table.offset = layout.table_offset;
	table.entries = vhdx_table_entries(&disk);
	return check_blocks(container, &blocks, disk.block_size, &table, err);
}

/* ---- VDI ------------------------------------------------------------------------------------ */

static bool decode_vdi(const struct blocks *blocks, const uint8_t *entry, uint64_t *offset)
{
	return vdi_decode_entry(blocks->vdi, entry, offset);
}

static int check_vdi(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct vdi_tables tables;
	struct blocks blocks = {.claims = claims, .decode = decode_vdi, .vdi = &tables};
	struct table table = {.entry_size = VDI_TABLE_ENTRY_SIZE, .unused = 0xff};
	uint8_t bytes[VDI_HEADER_SIZE];

	if (disk_read(container, 0, bytes, sizeof(bytes), err) != 0)
		return -1;
	vdi_decode_tables(bytes, &tables);
	if (claims_add_area(claims, "header", CLAIMS_NO_NUMBER, 0, VDI_HEADER_SIZE, err) != 0)
		return -1;
	table.offset = tables.map_offset;
	table.entries = tables.map_entries;
	return check_blocks(container, &blocks, VDI_BLOCK_SIZE, &table, err);
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* A fixed VHD has no table. */
int whole_check_vhd(struct disk *container, const struct format *format, struct bs_error *err)
{
	return format->access == FORMAT_CAPTURED ? claims_check(container, check_vhd, err) : 0;
}

int whole_check_vhdx(struct disk *container, const struct format *format, struct bs_error *err)
{
	return format->unfinished ? 0 : claims_check(container, check_vhdx, err);
}

int whole_check_vdi(struct disk *container, const struct format *format, struct bs_error *err)
{
	(void)format;
	return claims_check(container, check_vdi, err);
}
