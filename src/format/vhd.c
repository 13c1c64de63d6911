/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are big-endian.  The footer and the dynamic header have a checksum each: the one's
 * complement of the sum of all bytes of the structure.  The checksum's own bytes count as zeros.
 */
#include "format/vhd.h"

#include <inttypes.h>
#include <stdlib.h>

#include "format/codec.h"
#include "format/tables.h"
#include "util/bytes.h"
#include "util/utf16.h"

/* The footer. */
enum {
	COOKIE_OFFSET = 0,
	VERSION_OFFSET = 12,
	DYNAMIC_HEADER_OFFSET = 16,
	CURRENT_SIZE_OFFSET = 48,
	TYPE_OFFSET = 60,
	CHECKSUM_OFFSET = 64,
	SAVED_STATE_OFFSET = 84,
};

/* The dynamic header. */
enum {
	HEADER_TABLE_OFFSET = 16,
	HEADER_VERSION = 24,
	HEADER_TABLE_ENTRIES = 28,
	HEADER_BLOCK_SIZE = 32,
	HEADER_CHECKSUM = 36,
	HEADER_PARENT_NAME = 64, /* UTF-16, big-endian */
	HEADER_PARENT_NAME_SIZE = 512,
	HEADER_LOCATORS = 576,
	LOCATORS = 8, /* the number of locators, used and unused */
	LOCATOR_SIZE = 24,
	LOCATOR_LENGTH = 8,
	LOCATOR_OFFSET = 16,
};

/* The largest disk of a dynamic VHD: 2040 GiB (Microsoft; VHD_MAX_SECTORS in qemu's vpc.c). */
#define DYNAMIC_SIZE_MAX (2040ull << 30)

/* The platform codes of relative and absolute paths in UTF-16: "W2ru", "W2ku". */
#define LOCATOR_RELATIVE 0x57327275u
#define LOCATOR_ABSOLUTE 0x57326b75u

#define PATH_SIZE 4096u /* bytes; the rest of a longer parent's path is not read */

/* An entry of the block allocation table is the number of the block's first sector. */
#define TABLE_ENTRY_SIZE 4u
#define UNUSED_ENTRY     0xffffffffu

static const uint8_t cookie[8] = "conectix", header_cookie[8] = "cxsparse";

_Static_assert(HEADER_LOCATORS + LOCATORS * LOCATOR_SIZE <= VHD_DYNAMIC_HEADER_SIZE,
	       "the header holds all locators");
_Static_assert(SAVED_STATE_OFFSET < VHD_OLD_FOOTER_SIZE, "both lengths hold every field");

static bool vhd_begins_like_footer(const uint8_t *bytes)
{
	return memcmp(bytes + COOKIE_OFFSET, cookie, sizeof(cookie)) == 0;
}

/* The disk before a footer is whole sectors.  So the container's size tells the footer's length. */
int vhd_read_footer(struct disk *container, uint8_t *bytes, size_t *length, struct bs_error *err)
{
	uint64_t size = disk_size(container);
	size_t expected =
		size % SECTOR_SIZE == VHD_OLD_FOOTER_SIZE ? VHD_OLD_FOOTER_SIZE : VHD_FOOTER_SIZE;

	*length = 0;
	if (size < expected)
		return 0;
	if (disk_read(container, size - expected, bytes, expected, err) < 0)
		return -1;
	if (vhd_begins_like_footer(bytes))
		*length = expected;
	return 0;
}

static uint32_t vhd_checksum(const uint8_t *bytes, size_t length, size_t own_offset)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		if (i < own_offset || i >= own_offset + 4)
			sum += bytes[i];
	return ~sum;
}

int vhd_decode_footer(const uint8_t *bytes, size_t length, struct vhd_footer *footer,
		      struct bs_error *err)
{
	uint32_t version, type;

	if ((length != VHD_FOOTER_SIZE && length != VHD_OLD_FOOTER_SIZE) ||
	    !vhd_begins_like_footer(bytes))
		return fail(err, BS_VHD_CORRUPT, "there is no VHD footer");
	if (load_be32(bytes + CHECKSUM_OFFSET) != vhd_checksum(bytes, length, CHECKSUM_OFFSET))
		return fail(err, BS_VHD_CORRUPT, "the checksum of the VHD footer is wrong");
	/* The upper half is the major version.  All minor versions are compatible. */
	version = load_be32(bytes + VERSION_OFFSET);
	if (version >> 16 != 1)
		return fail(err, BS_VHD_CORRUPT, "the VHD footer has the unknown version %" PRIu32,
			    version >> 16);
	type = load_be32(bytes + TYPE_OFFSET);
	if (type != VHD_FIXED && type != VHD_DYNAMIC && type != VHD_DIFFERENCING)
		return fail(err, BS_VHD_CORRUPT, "the VHD footer has the unknown type %" PRIu32,
			    type);
	footer->type = (enum vhd_type)type;
	footer->current_size = load_be64(bytes + CURRENT_SIZE_OFFSET);
	footer->dynamic_header_offset = load_be64(bytes + DYNAMIC_HEADER_OFFSET);
	footer->saved_state = bytes[SAVED_STATE_OFFSET] != 0;
	return 0;
}

static void vhd_decode_parent_name(const uint8_t *bytes, char *name, size_t size)
{
	uint8_t little_endian[HEADER_PARENT_NAME_SIZE];

	for (size_t i = 0; i < sizeof(little_endian); i++)
		little_endian[i] = bytes[HEADER_PARENT_NAME + (i ^ 1)];
	utf16_to_utf8(little_endian, sizeof(little_endian), name, size);
}

int vhd_decode_dynamic_header(const uint8_t *bytes, size_t length,
			      struct vhd_dynamic_header *header, struct bs_error *err)
{
	uint32_t version, block_size;

	if (length != VHD_DYNAMIC_HEADER_SIZE ||
	    memcmp(bytes, header_cookie, sizeof(header_cookie)) != 0)
		return fail(err, BS_VHD_CORRUPT, "the header of the dynamic VHD is missing");
	if (load_be32(bytes + HEADER_CHECKSUM) != vhd_checksum(bytes, length, HEADER_CHECKSUM))
		return fail(err, BS_VHD_CORRUPT,
			    "the checksum of the dynamic VHD's header is wrong");
	version = load_be32(bytes + HEADER_VERSION);
	if (version >> 16 != 1)
		return fail(err, BS_VHD_CORRUPT,
			    "the header of the dynamic VHD has the unknown version %" PRIu32,
			    version >> 16);
	block_size = load_be32(bytes + HEADER_BLOCK_SIZE);
	if (block_size < SECTOR_SIZE || (block_size & (block_size - 1)) != 0)
		return fail(err, BS_VHD_CORRUPT,
			    "the dynamic VHD has the impossible block size %" PRIu32, block_size);
	header->table_offset = load_be64(bytes + HEADER_TABLE_OFFSET);
	header->table_entries = load_be32(bytes + HEADER_TABLE_ENTRIES);
	header->block_size = block_size;
	vhd_decode_parent_name(bytes, header->parent_name, sizeof(header->parent_name));
	return 0;
}

static int vhd_check_footer(const struct vhd_footer *footer, struct bs_error *err)
{
	if (footer->saved_state)
		return fail(err, BS_VHD_SAVED_STATE,
			    "the VHD belongs to a virtual machine with a saved state");
	if (footer->current_size == 0 || footer->current_size % SECTOR_SIZE != 0)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer gives the impossible disk size %" PRIu64,
			    footer->current_size);
	return 0;
}

/* Checks that the disk of a fixed VHD fits into the `payload_size` bytes before the footer. */
static int vhd_check_fixed(const struct vhd_footer *footer, uint64_t payload_size,
			   struct bs_error *err)
{
	if (vhd_check_footer(footer, err) < 0)
		return -1;
	if (footer->current_size > payload_size)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer gives a disk of %" PRIu64
			    " bytes, but the file has only %" PRIu64 " bytes before it",
			    footer->current_size, payload_size);
	return 0;
}

static int vhd_check_table(uint64_t disk_size, const struct vhd_dynamic_header *header,
			   uint64_t file_size, struct bs_error *err)
{
	/* Neither product can overflow: both factors have 32 bits. */
	uint64_t covered = (uint64_t)header->table_entries * header->block_size;
	uint64_t length = (uint64_t)header->table_entries * TABLE_ENTRY_SIZE;

	if (disk_size > DYNAMIC_SIZE_MAX || covered < disk_size)
		return fail(err, BS_VHD_CORRUPT,
			    "the dynamic VHD has a disk of %" PRIu64
			    " bytes, but blocks for only %" PRIu64,
			    disk_size, covered);
	if (!range_within(header->table_offset, length, file_size))
		return fail(err, BS_VHD_CORRUPT,
			    "the table of blocks of the dynamic VHD lies beyond the file's end");
	return 0;
}

/*
 * `front` is the copy of the footer at the start of the file.  QEMU uses this copy, so it has to
 * agree with `footer`, which is at the end.
 */
static int vhd_check_dynamic(const struct vhd_footer *front, const struct vhd_footer *footer,
			     const struct vhd_dynamic_header *header, uint64_t file_size,
			     struct bs_error *err)
{
	if (front->type != footer->type || front->current_size != footer->current_size ||
	    front->dynamic_header_offset != footer->dynamic_header_offset)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer and its copy at the start of the file disagree");
	if (footer->type == VHD_DIFFERENCING)
		return fail(err, BS_VHD_DIFFERENCING,
			    "is a differencing VHD: it holds only the changes to its parent, %s",
			    header->parent_name[0] ? header->parent_name : "another file");
	if (vhd_check_footer(front, err) < 0 || vhd_check_footer(footer, err) < 0)
		return -1;
	return vhd_check_table(footer->current_size, header, file_size, err);
}

/* ---- the whole file ------------------------------------------------------------------------- */

/* Reads the footer's copy and the header that only a dynamic or differencing VHD has. */
static int vhd_read_header(struct disk *container, const struct vhd_footer *footer,
			   struct vhd_dynamic_header *header, struct bs_error *err)
{
	uint64_t at = footer->dynamic_header_offset;
	uint8_t bytes[VHD_DYNAMIC_HEADER_SIZE];
	struct vhd_footer front;

	if (!range_within(at, sizeof(bytes), disk_size(container)))
		return fail(err, BS_VHD_CORRUPT,
			    "the header of the dynamic VHD lies beyond the file's end");
	if (disk_read(container, 0, bytes, VHD_FOOTER_SIZE, err) < 0)
		return -1;
	if (vhd_decode_footer(bytes, VHD_FOOTER_SIZE, &front, err) < 0)
		return fail_prefix(err, "the copy at the start of the file");
	if (disk_read(container, at, bytes, sizeof(bytes), err) < 0 ||
	    vhd_decode_dynamic_header(bytes, sizeof(bytes), header, err) < 0)
		return -1;
	return vhd_check_dynamic(&front, footer, header, disk_size(container), err);
}

/* A dynamic VHD begins with a copy of its footer. */
static int vhd_fail_footer(struct disk *container, struct bs_error *err)
{
	uint8_t bytes[sizeof(cookie)];
	size_t length = (size_t)min_u64(sizeof(bytes), disk_size(container));

	if (disk_read(container, 0, bytes, length, err) < 0)
		return -1;
	if (length == sizeof(bytes) && vhd_begins_like_footer(bytes))
		return fail(err, BS_VHD_CORRUPT,
			    "the file is cut short: there is no VHD footer at its end");
	return fail(err, BS_VHD_CORRUPT, "there is no VHD footer at the end of the file");
}

static int vhd_describe(struct disk *container, struct format *format, struct bs_error *err)
{
	struct vhd_dynamic_header header;
	uint8_t bytes[VHD_FOOTER_SIZE];
	struct vhd_footer footer;
	size_t length;

	if (vhd_read_footer(container, bytes, &length, err) < 0)
		return -1;
	if (length == 0)
		return vhd_fail_footer(container, err);
	if (vhd_decode_footer(bytes, length, &footer, err) < 0)
		return -1;
	if (footer.type == VHD_FIXED) {
		if (vhd_check_fixed(&footer, disk_size(container) - length, err) < 0)
			return -1;
		codec_describe_window(format, footer.current_size);
		return 0;
	}
	if (vhd_read_header(container, &footer, &header, err) < 0)
		return -1;
	format->access = FORMAT_DRIVER;
	format->disk_size = footer.current_size;
	/* Without this option the driver uses the geometry for some creators; see vhd.h. */
	format->driver_options = "force_size_calc=current_size";
	return 0;
}

static bool vhd_decode_entry(const struct block_table *blocks, const uint8_t *entry,
			     uint64_t *offset)
{
	uint32_t sector = load_be32(entry);

	(void)blocks;
	*offset = (uint64_t)sector * SECTOR_SIZE;
	return sector != UNUSED_ENTRY;
}

/* Reads only the entries that the disk needs: some programs leave zeros in the others. */
static int vhd_claim(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct block_table blocks = {
		.table = {.entry_size = TABLE_ENTRY_SIZE, .unused = 0xff},
		.decode = vhd_decode_entry,
	};
	struct vhd_dynamic_header header;
	uint8_t bytes[VHD_FOOTER_SIZE];
	struct vhd_footer footer;
	uint64_t bitmap;
	size_t length;

	if (vhd_read_footer(container, bytes, &length, err) < 0 ||
	    vhd_decode_footer(bytes, length, &footer, err) < 0 ||
	    vhd_read_header(container, &footer, &header, err) < 0)
		return -1;
	if (claims_add_area(claims, "footer's copy", CLAIMS_NO_NUMBER, 0, VHD_FOOTER_SIZE, err) <
		    0 ||
	    claims_add_area(claims, "footer", CLAIMS_NO_NUMBER, disk_size(container) - length,
			    length, err) < 0 ||
	    claims_add_area(claims, "header", CLAIMS_NO_NUMBER, footer.dynamic_header_offset,
			    VHD_DYNAMIC_HEADER_SIZE, err) < 0)
		return -1;
	blocks.table.offset = header.table_offset;
	blocks.table.entries = (footer.current_size - 1) / header.block_size + 1;
	/* A bitmap precedes the data of each block: a bit for each sector, in whole sectors. */
	bitmap = header.block_size / SECTOR_SIZE / 8;
	blocks.block_length =
		(bitmap + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE + header.block_size;
	return table_claim_blocks(container, &blocks, claims, err);
}

/* ---- the parent ----------------------------------------------------------------------------- */

/* Reports the path of one locator, if the locator is of a kind that Windows writes. */
static int vhd_refer_locator(struct disk *container, const uint8_t *locator,
			     const struct reference_taker *taker, struct bs_error *err)
{
	uint32_t platform = load_be32(locator), most = load_be32(locator + LOCATOR_LENGTH);
	char path[PATH_SIZE / 2 * 3 + 1];
	uint8_t *bytes = NULL;
	size_t length;
	int result;

	if (platform != LOCATOR_RELATIVE && platform != LOCATOR_ABSOLUTE)
		return 0;
	result = codec_read(container, load_be64(locator + LOCATOR_OFFSET),
			    min_u64(most, PATH_SIZE), &bytes, &length, err);
	if (result == 0 && utf16_to_utf8(bytes, length, path, sizeof(path)) > 0)
		taker->take(taker->context, REFERENCE_PARENT, path);
	free(bytes);
	return result;
}

/* Reads the footer's copy at the start: QEMU uses this copy, and a truncated file has no other. */
static int vhd_refer(struct disk *container, const struct reference_taker *taker,
		     struct bs_error *err)
{
	uint8_t bytes[VHD_DYNAMIC_HEADER_SIZE];
	struct vhd_dynamic_header header;
	struct vhd_footer footer;

	if (disk_read(container, 0, bytes, VHD_FOOTER_SIZE, err) < 0 ||
	    vhd_decode_footer(bytes, VHD_FOOTER_SIZE, &footer, err) < 0)
		return -1;
	if (footer.type != VHD_DIFFERENCING)
		return 0;
	if (disk_read(container, footer.dynamic_header_offset, bytes, sizeof(bytes), err) < 0 ||
	    vhd_decode_dynamic_header(bytes, sizeof(bytes), &header, err) < 0)
		return -1;
	if (header.parent_name[0])
		taker->take(taker->context, REFERENCE_PARENT, header.parent_name);
	for (size_t i = 0; i < LOCATORS; i++)
		if (vhd_refer_locator(container, bytes + HEADER_LOCATORS + i * LOCATOR_SIZE, taker,
				      err) < 0)
			return -1;
	return 0;
}

const struct format_codec vhd_codec = {
	.magics = {{0, 8, "conectix"}},
	.describe = vhd_describe,
	.check_tables = vhd_claim,
	.refer = vhd_refer,
};
