/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are big-endian.  The checksum of the footer and that of the dynamic header are the
 * one's complement of the sum of the structure's bytes, its own four taken as zeros.
 */
#include "format/vhd.h"

#include <inttypes.h>

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
	SECTOR_SIZE = 512,
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
	LOCATOR_SIZE = 24,
	LOCATOR_LENGTH = 8,
	LOCATOR_OFFSET = 16,
};

/* The most that a dynamic VHD can have: 2040 GiB (Microsoft; VHD_MAX_SECTORS in qemu's vpc.c). */
#define DYNAMIC_SIZE_MAX (2040ull << 30)

/* The platform codes of relative and absolute paths in UTF-16: "W2ru", "W2ku". */
#define LOCATOR_RELATIVE 0x57327275u
#define LOCATOR_ABSOLUTE 0x57326b75u

#define UNUSED_ENTRY 0xffffffffu

static const uint8_t cookie[8] = "conectix", header_cookie[8] = "cxsparse";

_Static_assert(HEADER_LOCATORS + VHD_LOCATORS * LOCATOR_SIZE <= VHD_DYNAMIC_HEADER_SIZE,
	       "the header holds all locators");
_Static_assert(SAVED_STATE_OFFSET < VHD_OLD_FOOTER_SIZE, "both lengths hold every field");

bool vhd_looks_like_footer(const uint8_t *bytes, size_t length)
{
	return length >= sizeof(cookie) &&
	       memcmp(bytes + COOKIE_OFFSET, cookie, sizeof(cookie)) == 0;
}

static uint32_t compute_checksum(const uint8_t *bytes, size_t length, size_t own_offset)
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
	    !vhd_looks_like_footer(bytes, length))
		return fail(err, BS_VHD_CORRUPT, "there is no VHD footer");
	if (load_be32(bytes + CHECKSUM_OFFSET) != compute_checksum(bytes, length, CHECKSUM_OFFSET))
		return fail(err, BS_VHD_CORRUPT, "the checksum of the VHD footer is wrong");
	/* The upper half is the major version; minor ones are compatible. */
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

static void decode_parent_name(const uint8_t *bytes, char *name, size_t size)
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
	if (load_be32(bytes + HEADER_CHECKSUM) != compute_checksum(bytes, length, HEADER_CHECKSUM))
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
	decode_parent_name(bytes, header->parent_name, sizeof(header->parent_name));
	return 0;
}

uint64_t vhd_block_length(const struct vhd_dynamic_header *header)
{
	uint64_t bitmap = header->block_size / SECTOR_SIZE / 8;

	return (bitmap + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE + header->block_size;
}

bool vhd_decode_entry(const uint8_t *bytes, uint64_t *offset)
{
	uint32_t sector = load_be32(bytes);

	*offset = (uint64_t)sector * SECTOR_SIZE;
	return sector != UNUSED_ENTRY;
}

bool vhd_decode_locator(const uint8_t *bytes, uint32_t index, struct vhd_locator *locator)
{
	const uint8_t *entry = bytes + HEADER_LOCATORS + (size_t)index * LOCATOR_SIZE;
	uint32_t platform = load_be32(entry);

	locator->offset = load_be64(entry + LOCATOR_OFFSET);
	locator->length = load_be32(entry + LOCATOR_LENGTH);
	return platform == LOCATOR_RELATIVE || platform == LOCATOR_ABSOLUTE;
}

static int check_footer(const struct vhd_footer *footer, struct bs_error *err)
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

int vhd_check_fixed(const struct vhd_footer *footer, uint64_t payload_size, struct bs_error *err)
{
	if (check_footer(footer, err) != 0)
		return -1;
	if (footer->current_size > payload_size)
		return fail(err, BS_VHD_CORRUPT,
			    "the VHD footer gives a disk of %" PRIu64
			    " bytes, but the file holds only %" PRIu64 " before it",
			    footer->current_size, payload_size);
	return 0;
}

static int check_table(uint64_t disk_size, const struct vhd_dynamic_header *header,
		       uint64_t file_size, struct bs_error *err)
{
	/* Neither product can overflow: both factors have 32 bits. */
	uint64_t covered = (uint64_t)header->table_entries * header->block_size;
	uint64_t length = (uint64_t)header->table_entries * VHD_TABLE_ENTRY_SIZE;

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

int vhd_check_dynamic(const struct vhd_footer *front, const struct vhd_footer *footer,
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
	if (check_footer(front, err) != 0 || check_footer(footer, err) != 0)
		return -1;
	return check_table(footer->current_size, header, file_size, err);
}
