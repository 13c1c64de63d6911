/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All numbers are little-endian. */
#include "format/vdi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/codec.h"
#include "format/tables.h"
#include "util/bytes.h"

enum {
	SIGNATURE_OFFSET = 64,
	VERSION_OFFSET = 68,
	TYPE_OFFSET = 76,
	TABLE_OFFSET = 340, /* the offset of the block map */
	DATA_OFFSET = 344,  /* the offset of the blocks */
	SECTOR_SIZE_OFFSET = 360,
	DISK_SIZE_OFFSET = 368,
	BLOCK_SIZE_OFFSET = 376,
	BLOCK_EXTRA_OFFSET = 380, /* bytes before each block */
	BLOCKS_OFFSET = 384,
	BLOCKS_ALLOCATED_OFFSET = 388,
	UUID_OFFSET = 392,
	LINK_UUID_OFFSET = 424, /* of the parent */
	PARENT_UUID_OFFSET = 440,
	UUID_SIZE = 16,
};

enum {
	TYPE_DYNAMIC = 1,
	TYPE_STATIC = 2,
	TYPE_UNDO = 3,
	TYPE_DIFFERENCING = 4,
};

#define SIGNATURE   0xbeda107fu
#define VERSION_1_1 0x00010001u
#define BLOCKS_MAX  0x3fffffffu /* VDI_BLOCKS_IN_IMAGE_MAX in QEMU's vdi.c */

#define BLOCK_SIZE (1u << 20) /* bytes; VirtualBox's default, and the only size that QEMU writes */

/* An entry of the block map: the number of a block in the file, or one of these two values. */
#define ENTRY_SIZE      4u
#define ENTRY_FREE      0xffffffffu /* never written */
#define ENTRY_DISCARDED 0xfffffffeu /* no longer used */

_Static_assert(PARENT_UUID_OFFSET + UUID_SIZE <= VDI_HEADER_SIZE, "the header holds every field");

static int vdi_check_kind(const uint8_t *bytes, struct bs_error *err)
{
	uint32_t version = load_le32(bytes + VERSION_OFFSET);
	uint32_t type = load_le32(bytes + TYPE_OFFSET);

	if (version != VERSION_1_1)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "is a VDI image of version %" PRIu32 ".%" PRIu32 ", not 1.1",
			    version >> 16, version & 0xffff);
	if (type == TYPE_UNDO || type == TYPE_DIFFERENCING ||
	    !all_zero(bytes + PARENT_UUID_OFFSET, UUID_SIZE) ||
	    !all_zero(bytes + LINK_UUID_OFFSET, UUID_SIZE))
		return fail(err, BS_VDI_DIFFERENCING,
			    "is a differencing VDI image: it holds only the changes to another "
			    "file, its parent");
	if (type != TYPE_DYNAMIC && type != TYPE_STATIC)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VDI header has the unknown type %" PRIu32, type);
	if (load_le32(bytes + SECTOR_SIZE_OFFSET) != SECTOR_SIZE ||
	    load_le32(bytes + BLOCK_SIZE_OFFSET) != BLOCK_SIZE ||
	    load_le32(bytes + BLOCK_EXTRA_OFFSET) != 0)
		return fail(err, BS_FORMAT_UNREADABLE,
			    "is a VDI image with other than 512-byte sectors and 1 MiB blocks");
	return 0;
}

static int vdi_check_layout(const uint8_t *bytes, uint64_t file_size, uint64_t disk_size,
			    struct bs_error *err)
{
	uint64_t table = load_le32(bytes + TABLE_OFFSET), data = load_le32(bytes + DATA_OFFSET);
	uint64_t blocks = load_le32(bytes + BLOCKS_OFFSET);
	uint64_t allocated = load_le32(bytes + BLOCKS_ALLOCATED_OFFSET);

	if (disk_size == 0 || blocks > BLOCKS_MAX || disk_size > blocks * BLOCK_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VDI header gives a disk of %" PRIu64 " bytes in %" PRIu64
			    " blocks",
			    disk_size, blocks);
	/* No sum can overflow: all the terms are below 2^52. */
	if (table < VDI_HEADER_SIZE || table % SECTOR_SIZE != 0 || data % SECTOR_SIZE != 0 ||
	    table + blocks * ENTRY_SIZE > data || data > file_size)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the block map of the VDI image lies where it cannot be");
	if (allocated > blocks)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VDI header counts %" PRIu64 " blocks of %" PRIu64, allocated,
			    blocks);
	if (data + allocated * BLOCK_SIZE > file_size)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the file is cut short: it ends at byte %" PRIu64 ", its %" PRIu64
			    " blocks at byte %" PRIu64,
			    file_size, allocated, data + allocated * BLOCK_SIZE);
	return 0;
}

int vdi_decode(const uint8_t *bytes, size_t length, uint64_t file_size, uint64_t *disk_size,
	       struct bs_error *err)
{
	uint64_t size;

	if (length < VDI_HEADER_SIZE || load_le32(bytes + SIGNATURE_OFFSET) != SIGNATURE)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no VDI header");
	size = load_le64(bytes + DISK_SIZE_OFFSET);
	if (vdi_check_kind(bytes, err) < 0 || vdi_check_layout(bytes, file_size, size, err) < 0)
		return -1;
	/* VBoxManage convertfromraw can write a size of partial sectors.  QEMU rounds it up. */
	*disk_size = (size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;
	return 0;
}

static int vdi_describe(struct disk *container, struct format *format, struct bs_error *err)
{
	uint8_t bytes[VDI_HEADER_SIZE];
	size_t length = (size_t)min_u64(sizeof(bytes), disk_size(container));

	format->access = FORMAT_DRIVER;
	if (disk_read(container, 0, bytes, length, err) < 0)
		return -1;
	return vdi_decode(bytes, length, disk_size(container), &format->disk_size, err);
}

static bool vdi_decode_entry(const struct block_table *blocks, const uint8_t *entry,
			     uint64_t *offset)
{
	uint32_t block = load_le32(entry);

	*offset = blocks->data_offset + (uint64_t)block * BLOCK_SIZE;
	return block != ENTRY_FREE && block != ENTRY_DISCARDED;
}

static int vdi_claim(struct disk *container, struct claims *claims, struct bs_error *err)
{
	uint8_t bytes[VDI_HEADER_SIZE];
	struct block_table blocks = {
		.table = {.entry_size = ENTRY_SIZE, .unused = 0xff},
		.block_length = BLOCK_SIZE,
		.decode = vdi_decode_entry,
	};

	if (disk_read(container, 0, bytes, sizeof(bytes), err) < 0 ||
	    claims_add_area(claims, "header", CLAIMS_NO_NUMBER, 0, VDI_HEADER_SIZE, err) < 0)
		return -1;
	blocks.table.offset = load_le32(bytes + TABLE_OFFSET);
	blocks.table.entries = (load_le64(bytes + DISK_SIZE_OFFSET) - 1) / BLOCK_SIZE + 1;
	blocks.data_offset = load_le32(bytes + DATA_OFFSET);
	return table_claim_blocks(container, &blocks, claims, err);
}

/* Reports a UUID.  It has the layout of Microsoft's GUIDs: three little-endian fields first. */
static void vdi_refer_uuid(const uint8_t *bytes, enum reference_kind kind,
			   const struct reference_taker *taker)
{
	char text[UUID_SIZE * 2 + 4 + 1];

	if (all_zero(bytes, UUID_SIZE))
		return;
	snprintf(text, sizeof(text), "%08" PRIx32 "-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 load_le32(bytes), load_le16(bytes + 4), load_le16(bytes + 6), bytes[8], bytes[9],
		 bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
	taker->take(taker->context, kind, text);
}

/* Reports only UUIDs: a VDI image contains no file names. */
static int vdi_refer(struct disk *container, const struct reference_taker *taker,
		     struct bs_error *err)
{
	uint8_t bytes[VDI_HEADER_SIZE];

	if (disk_read(container, 0, bytes, sizeof(bytes), err) < 0)
		return -1;
	vdi_refer_uuid(bytes + UUID_OFFSET, REFERENCE_UUID, taker);
	vdi_refer_uuid(bytes + LINK_UUID_OFFSET, REFERENCE_PARENT_UUID, taker);
	return 0;
}

const struct format_codec vdi_codec = {
	.magics = {{64, 4, "\x7f\x10\xda\xbe"}},
	.needs_check = true,
	.describe = vdi_describe,
	.check_tables = vdi_claim,
	.refer = vdi_refer,
};
