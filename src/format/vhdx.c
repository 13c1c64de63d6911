/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are little-endian.  GUIDs are written here as they lie in the file.  A checksum is
 * the CRC32C of its structure, its own four bytes taken as zeros.
 */
#include "format/vhdx.h"

#include <inttypes.h>

#include "util/bytes.h"
#include "util/crc32c.h"

#define MIB (1u << 20)

/* The section of the headers. */
enum {
	HEADER_1 = 64 << 10,
	HEADER_2 = 128 << 10,
	HEADER_SIZE = 4096, /* of which the checksum is made */
	REGIONS = 192 << 10,
	REGIONS_SIZE = 64 << 10,
	CHECKSUM_OFFSET = 4, /* in the headers and in the region table */
};

/* A header. */
enum {
	HEADER_SEQUENCE = 8,
	HEADER_LOG_GUID = 48,
	HEADER_VERSION = 66,
	HEADER_LOG_LENGTH = 68,
	HEADER_LOG_OFFSET = 72,
};

/* The region table and the entries in it. */
enum {
	REGION_COUNT = 8,
	REGION_ENTRIES = 16,
	REGION_ENTRY_SIZE = 32,
	REGION_COUNT_MAX = 2047,
	REGION_OFFSET = 16,
	REGION_LENGTH = 24,
	REGION_FLAGS = 28,
	REGION_REQUIRED = 1,
	GUID_SIZE = 16,
};

static const uint8_t table_region[GUID_SIZE] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
						0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t metadata_region[GUID_SIZE] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
						   0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};

_Static_assert(REGIONS + REGIONS_SIZE == VHDX_HEADERS_SIZE, "the section ends with the table");
_Static_assert(REGION_ENTRIES + REGION_COUNT_MAX * REGION_ENTRY_SIZE <= REGIONS_SIZE,
	       "every entry lies in the table");

static bool checksum_is_right(const uint8_t *bytes, size_t length)
{
	static const uint8_t zeros[4];
	uint32_t checksum = crc32c(0, bytes, CHECKSUM_OFFSET);

	checksum = crc32c(checksum, zeros, sizeof(zeros));
	checksum = crc32c(checksum, bytes + CHECKSUM_OFFSET + 4, length - CHECKSUM_OFFSET - 4);
	return checksum == load_le32(bytes + CHECKSUM_OFFSET);
}

/*
 * The current header is the good one with the higher number.  Two with the same number must be the
 * same: disk2vhd leaves them so.  NULL when there is none.
 */
static const uint8_t *current_header(const uint8_t *bytes)
{
	const uint8_t *first = bytes + HEADER_1, *second = bytes + HEADER_2;
	bool first_good = memcmp(first, "head", 4) == 0 && checksum_is_right(first, HEADER_SIZE);
	bool second_good = memcmp(second, "head", 4) == 0 && checksum_is_right(second, HEADER_SIZE);
	uint64_t first_number = load_le64(first + HEADER_SEQUENCE);
	uint64_t second_number = load_le64(second + HEADER_SEQUENCE);

	if (!first_good)
		return second_good ? second : NULL;
	if (!second_good || first_number > second_number)
		return first;
	if (first_number < second_number)
		return second;
	return memcmp(first, second, HEADER_SIZE) == 0 ? first : NULL;
}

static int decode_header(const uint8_t *header, uint64_t file_size, struct vhdx_layout *layout,
			 struct bs_error *err)
{
	uint16_t version = load_le16(header + HEADER_VERSION);

	if (version != 1)
		return fail(err, BS_FORMAT_UNREADABLE, "is a VHDX of version %u, not 1",
			    (unsigned)version);
	layout->log_in_use = !all_zero(header + HEADER_LOG_GUID, GUID_SIZE);
	layout->log_offset = load_le64(header + HEADER_LOG_OFFSET);
	layout->log_size = load_le32(header + HEADER_LOG_LENGTH);
	if (layout->log_in_use && !range_within(layout->log_offset, layout->log_size, file_size))
		return fail(err, BS_CONTAINER_CORRUPT, "the log of the VHDX lies beyond its end");
	return 0;
}

/* Takes over a region that is known; what it is not must not be required. */
static int decode_region(const uint8_t *entry, uint64_t file_size, struct vhdx_layout *layout,
			 struct bs_error *err)
{
	bool table = memcmp(entry, table_region, GUID_SIZE) == 0;
	bool metadata = memcmp(entry, metadata_region, GUID_SIZE) == 0;
	uint64_t offset = load_le64(entry + REGION_OFFSET);
	uint32_t length = load_le32(entry + REGION_LENGTH);

	if (!table && !metadata) {
		if (load_le32(entry + REGION_FLAGS) & REGION_REQUIRED)
			return fail(err, BS_FORMAT_UNREADABLE,
				    "the VHDX requires something unknown in its region table");
		return 0;
	}
	if (offset < MIB || !range_within(offset, length, file_size) ||
	    (table ? layout->table_size : layout->metadata_size) != 0)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "a region of the VHDX lies where it cannot be");
	*(table ? &layout->table_offset : &layout->metadata_offset) = offset;
	*(table ? &layout->table_size : &layout->metadata_size) = length;
	return 0;
}

/* Only the first of the two copies: it is the one that QEMU reads. */
static int decode_regions(const uint8_t *regions, uint64_t file_size, struct vhdx_layout *layout,
			  struct bs_error *err)
{
	size_t count = load_le32(regions + REGION_COUNT);

	if (memcmp(regions, "regi", 4) != 0 || !checksum_is_right(regions, REGIONS_SIZE) ||
	    count > REGION_COUNT_MAX)
		return fail(err, BS_CONTAINER_CORRUPT, "the region table of the VHDX is damaged");
	for (size_t i = 0; i < count; i++)
		if (decode_region(regions + REGION_ENTRIES + i * REGION_ENTRY_SIZE, file_size,
				  layout, err) != 0)
			return -1;
	if (layout->table_size == 0 || layout->metadata_size == 0)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the region table of the VHDX is not complete");
	return 0;
}

int vhdx_decode_headers(const uint8_t *bytes, size_t length, uint64_t file_size,
			struct vhdx_layout *layout, struct bs_error *err)
{
	const uint8_t *header;

	*layout = (struct vhdx_layout){0};
	if (length < 8 || memcmp(bytes, "vhdxfile", 8) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "there is no VHDX identifier");
	if (length < VHDX_HEADERS_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT, "the VHDX is cut short");
	header = current_header(bytes);
	if (header == NULL)
		return fail(err, BS_CONTAINER_CORRUPT, "both headers of the VHDX are damaged");
	if (decode_header(header, file_size, layout, err) != 0)
		return -1;
	return decode_regions(bytes + REGIONS, file_size, layout, err);
}
