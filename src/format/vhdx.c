/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All numbers are little-endian.  The GUIDs below have the byte order of the file.  A checksum is
 * the CRC32C of its structure.  The checksum's own four bytes count as zeros.
 */
#include "format/vhdx.h"

#include <inttypes.h>
#include <stdlib.h>

#include "format/codec.h"
#include "format/tables.h"
#include "util/bytes.h"
#include "util/crc32c.h"
#include "util/utf16.h"

#define MIB (1u << 20)

/* The section of the headers. */
enum {
	HEADER_1 = 64 << 10,
	HEADER_2 = 128 << 10,
	HEADER_SIZE = 4096, /* the bytes that the checksum covers */
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

/* The bytes before the first region; they include the second region table. */
#define SECTION_SIZE 1048576u

static const uint8_t table_region[GUID_SIZE] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
						0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t metadata_region[GUID_SIZE] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
						   0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};

_Static_assert(REGIONS + REGIONS_SIZE == VHDX_HEADERS_SIZE, "the section ends with the table");
_Static_assert(REGION_ENTRIES + REGION_COUNT_MAX * REGION_ENTRY_SIZE <= REGIONS_SIZE,
	       "every entry lies in the table");

/* The metadata region: a table with the GUID, offset and length of each item, then the items. */
enum {
	ITEM_COUNT = 10,
	ITEM_ENTRIES = 32,
	ITEM_ENTRY_SIZE = 32,
	ITEM_OFFSET = 16, /* in the region, bytes */
	ITEM_LENGTH = 20,
	ITEM_FLAGS = 24,
	ITEM_REQUIRED = 4,
};

/* The item "file parameters". */
enum {
	PARAMETERS_FLAGS = 4,
	PARAMETERS_HAS_PARENT = 2,
};

/* The item "parent locator": pairs of UTF-16 strings. */
enum {
	LOCATOR_COUNT = 18,
	LOCATOR_ENTRIES = 20,
	LOCATOR_ENTRY_SIZE = 12,
	LOCATOR_KEY_OFFSET = 0,
	LOCATOR_VALUE_OFFSET = 4,
	LOCATOR_KEY_LENGTH = 8,
	LOCATOR_VALUE_LENGTH = 10,
	PATH_SHOWN_MAX = 400,
	PATH_SIZE = 4096,
};

#define BLOCK_SIZE_MIN (1u << 20)
#define BLOCK_SIZE_MAX (256u << 20)
#define DISK_SIZE_MAX  (64ull << 40)
#define CHUNK_SECTORS  (1ull << 23) /* sectors of the disk in one sector bitmap */

/*
 * The table of blocks has an entry for each block of the disk.  An entry for a sector bitmap
 * follows each chunk of these entries; only a differencing VHDX uses it.  The lowest bits of an
 * entry are a state.  The bits from 20 on are an offset in the file, in MiB.
 */
#define ENTRY_SIZE   8u
#define ENTRY_STATE  7u
#define ENTRY_OFFSET (~0xfffffull)

/* The states of an entry whose block is in use. */
enum {
	FULLY_PRESENT = 6,
	PARTIALLY_PRESENT = 7, /* only in a differencing VHDX */
};

enum vhdx_item {
	FILE_PARAMETERS,
	DISK_SIZE,
	DISK_ID,
	LOGICAL_SECTOR_SIZE,
	PHYSICAL_SECTOR_SIZE,
	PARENT_LOCATOR, /* only in a differencing VHDX */
	ITEM_KINDS
};

static const struct {
	uint8_t guid[GUID_SIZE];
	uint32_t length; /* the least number of bytes */
} item_kinds[ITEM_KINDS] = {
	[FILE_PARAMETERS] = {{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33,
			      0xf0, 0xaa, 0x44, 0xe7, 0x6b},
			     8},
	[DISK_SIZE] = {{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe,
			0xd8, 0x3b, 0xf4, 0xb8},
		       8},
	[DISK_ID] = {{0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0,
		      0x00, 0xc7, 0x46},
		     16},
	[LOGICAL_SECTOR_SIZE] = {{0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2,
				  0x33, 0xa8, 0xfa, 0xab, 0x5f},
				 4},
	[PHYSICAL_SECTOR_SIZE] = {{0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9,
				   0x88, 0x52, 0x51, 0xc5, 0x56},
				  4},
	[PARENT_LOCATOR] = {{0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8,
			     0x48, 0x34, 0xab, 0x0c},
			    LOCATOR_ENTRIES},
};

/* ---- the headers and the region table ------------------------------------------------------- */

static bool vhdx_checksum_is_right(const uint8_t *bytes, size_t length)
{
	static const uint8_t zeros[4];
	uint32_t checksum = crc32c(0, bytes, CHECKSUM_OFFSET);

	checksum = crc32c(checksum, zeros, sizeof(zeros));
	checksum = crc32c(checksum, bytes + CHECKSUM_OFFSET + 4, length - CHECKSUM_OFFSET - 4);
	return checksum == load_le32(bytes + CHECKSUM_OFFSET);
}

/*
 * Returns the current header: the good header with the higher sequence number.  disk2vhd writes two
 * identical headers.  The function returns NULL if two good headers have the same number but are
 * not identical, or if no header is good.
 */
static const uint8_t *vhdx_current_header(const uint8_t *bytes)
{
	const uint8_t *first = bytes + HEADER_1, *second = bytes + HEADER_2;
	bool first_good =
		memcmp(first, "head", 4) == 0 && vhdx_checksum_is_right(first, HEADER_SIZE);
	bool second_good =
		memcmp(second, "head", 4) == 0 && vhdx_checksum_is_right(second, HEADER_SIZE);
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

static int vhdx_decode_header(const uint8_t *header, uint64_t file_size, struct vhdx_layout *layout,
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

/* Stores the place of a known region.  Refuses an unknown region that is required. */
static int vhdx_decode_region(const uint8_t *entry, uint64_t file_size, struct vhdx_layout *layout,
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

/* Decodes only the first of the two copies of the region table, as QEMU does. */
static int vhdx_decode_regions(const uint8_t *regions, uint64_t file_size,
			       struct vhdx_layout *layout, struct bs_error *err)
{
	size_t count = load_le32(regions + REGION_COUNT);

	if (memcmp(regions, "regi", 4) != 0 || !vhdx_checksum_is_right(regions, REGIONS_SIZE) ||
	    count > REGION_COUNT_MAX)
		return fail(err, BS_CONTAINER_CORRUPT, "the region table of the VHDX is damaged");
	for (size_t i = 0; i < count; i++)
		if (vhdx_decode_region(regions + REGION_ENTRIES + i * REGION_ENTRY_SIZE, file_size,
				       layout, err) < 0)
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
	header = vhdx_current_header(bytes);
	if (!header)
		return fail(err, BS_CONTAINER_CORRUPT, "both headers of the VHDX are damaged");
	if (vhdx_decode_header(header, file_size, layout, err) < 0)
		return -1;
	return vhdx_decode_regions(bytes + REGIONS, file_size, layout, err);
}

/* ---- the metadata --------------------------------------------------------------------------- */

/* The items found in the metadata region; NULL for a missing item. */
struct vhdx_items {
	const uint8_t *bytes[ITEM_KINDS];
	uint32_t length[ITEM_KINDS];
};

static int vhdx_take_item(const uint8_t *region, size_t length, const uint8_t *entry,
			  struct vhdx_items *items, struct bs_error *err)
{
	uint32_t offset = load_le32(entry + ITEM_OFFSET), size = load_le32(entry + ITEM_LENGTH);
	size_t kind = 0;

	while (kind < ITEM_KINDS && memcmp(entry, item_kinds[kind].guid, GUID_SIZE) != 0)
		kind++;
	if (kind == ITEM_KINDS) {
		if (load_le32(entry + ITEM_FLAGS) & ITEM_REQUIRED)
			return fail(err, BS_FORMAT_UNREADABLE,
				    "the VHDX requires something unknown in its metadata");
		return 0;
	}
	if (items->bytes[kind] || size < item_kinds[kind].length ||
	    !range_within(offset, size, length))
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are damaged");
	items->bytes[kind] = region + offset;
	items->length[kind] = size;
	return 0;
}

static int vhdx_take_items(const uint8_t *region, size_t length, struct vhdx_items *items,
			   struct bs_error *err)
{
	size_t count;

	*items = (struct vhdx_items){0};
	if (length < ITEM_ENTRIES || memcmp(region, "metadata", 8) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the VHDX has no metadata");
	count = load_le16(region + ITEM_COUNT);
	if (!range_within(ITEM_ENTRIES, count * ITEM_ENTRY_SIZE, length))
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are damaged");
	for (size_t i = 0; i < count; i++)
		if (vhdx_take_item(region, length, region + ITEM_ENTRIES + i * ITEM_ENTRY_SIZE,
				   items, err) < 0)
			return -1;
	return 0;
}

/* Decodes a string of the locator.  A string that lies outside the locator gives "". */
static void vhdx_locator_text(const struct vhdx_items *items, uint32_t offset, uint32_t length,
			      char *text, size_t size)
{
	bool inside = range_within(offset, length, items->length[PARENT_LOCATOR]);

	utf16_to_utf8(items->bytes[PARENT_LOCATOR] + (inside ? offset : 0), inside ? length : 0,
		      text, size);
}

/* Finds the value of a key.  A missing key gives "". */
static void vhdx_locator_value(const struct vhdx_items *items, const char *wanted, char *value,
			       size_t size)
{
	const uint8_t *locator = items->bytes[PARENT_LOCATOR];
	size_t count = locator ? load_le16(locator + LOCATOR_COUNT) : 0;
	char key[64];

	*value = '\0';
	if (!range_within(LOCATOR_ENTRIES, count * LOCATOR_ENTRY_SIZE,
			  items->length[PARENT_LOCATOR]))
		return;
	for (size_t i = 0; i < count && *value == '\0'; i++) {
		const uint8_t *entry = locator + LOCATOR_ENTRIES + i * LOCATOR_ENTRY_SIZE;

		vhdx_locator_text(items, load_le32(entry + LOCATOR_KEY_OFFSET),
				  load_le16(entry + LOCATOR_KEY_LENGTH), key, sizeof(key));
		if (strcmp(key, wanted) == 0)
			vhdx_locator_text(items, load_le32(entry + LOCATOR_VALUE_OFFSET),
					  load_le16(entry + LOCATOR_VALUE_LENGTH), value, size);
	}
}

static int vhdx_refuse_parent(const struct vhdx_items *items, struct bs_error *err)
{
	char path[PATH_SHOWN_MAX] = "";

	vhdx_locator_value(items, "absolute_win32_path", path, sizeof(path));
	if (!*path)
		vhdx_locator_value(items, "relative_path", path, sizeof(path));
	return fail(err, BS_VHDX_DIFFERENCING,
		    "is a differencing VHDX: it holds only the changes to its parent, %s",
		    *path ? path : "another file");
}

/* Returns the number of block entries between two entries for sector bitmaps. */
static uint32_t vhdx_chunk_blocks(const struct vhdx_disk *disk)
{
	return (uint32_t)(CHUNK_SECTORS * SECTOR_SIZE / disk->block_size);
}

/* Returns the number of table entries that the disk needs. */
static uint64_t vhdx_table_entries(const struct vhdx_disk *disk)
{
	uint64_t blocks = (disk->size - 1) / disk->block_size + 1;

	return blocks + (blocks - 1) / vhdx_chunk_blocks(disk);
}

static int vhdx_check_disk(const struct vhdx_disk *disk, uint32_t sector_size,
			   const struct vhdx_layout *layout, struct bs_error *err)
{
	const uint64_t size = disk->size;
	const uint32_t block_size = disk->block_size;

	if (sector_size == 4096)
		return fail(err, BS_SECTOR_SIZE,
			    "the disk in the VHDX has sectors of 4096 bytes (4Kn)");
	if (sector_size != SECTOR_SIZE || block_size < BLOCK_SIZE_MIN ||
	    block_size > BLOCK_SIZE_MAX || (block_size & (block_size - 1)) != 0 || size == 0 ||
	    size > DISK_SIZE_MAX || size % SECTOR_SIZE != 0)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the VHDX has an impossible disk: %" PRIu64
			    " bytes in sectors of %" PRIu32 " and blocks of %" PRIu32,
			    size, sector_size, block_size);
	if (vhdx_table_entries(disk) > layout->table_size / ENTRY_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the table of blocks of the VHDX is too short for its disk");
	return 0;
}

int vhdx_decode_metadata(const uint8_t *bytes, size_t length, const struct vhdx_layout *layout,
			 struct vhdx_disk *disk, struct bs_error *err)
{
	const uint8_t *parameters, *size, *sector_size;
	struct vhdx_items items;

	if (vhdx_take_items(bytes, length, &items, err) < 0)
		return -1;
	parameters = items.bytes[FILE_PARAMETERS];
	size = items.bytes[DISK_SIZE];
	sector_size = items.bytes[LOGICAL_SECTOR_SIZE];
	if (!parameters || !size || !sector_size || !items.bytes[DISK_ID] ||
	    !items.bytes[PHYSICAL_SECTOR_SIZE])
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are not complete");
	if (load_le32(parameters + PARAMETERS_FLAGS) & PARAMETERS_HAS_PARENT)
		return vhdx_refuse_parent(&items, err);
	disk->size = load_le64(size);
	disk->block_size = load_le32(parameters);
	return vhdx_check_disk(disk, load_le32(sector_size), layout, err);
}

/* ---- the whole file ------------------------------------------------------------------------- */

/* Reads the metadata region.  The caller frees *metadata, also on error. */
static int vhdx_read_metadata(struct disk *container, struct vhdx_layout *layout,
			      uint8_t **metadata, size_t *length, struct bs_error *err)
{
	uint8_t *headers = NULL;
	int result = -1;

	*metadata = NULL;
	if (codec_read(container, 0, VHDX_HEADERS_SIZE, &headers, length, err) < 0 ||
	    vhdx_decode_headers(headers, *length, disk_size(container), layout, err) < 0)
		goto out;
	result = codec_read(container, layout->metadata_offset,
			    min_u64(layout->metadata_size, VHDX_METADATA_MAX), metadata, length,
			    err);
out:
	free(headers);
	return result;
}

static int vhdx_read_layout(struct disk *container, struct vhdx_layout *layout,
			    struct vhdx_disk *disk, struct bs_error *err)
{
	uint8_t *metadata;
	size_t length;
	int result = -1;

	if (vhdx_read_metadata(container, layout, &metadata, &length, err) < 0)
		goto out;
	result = vhdx_decode_metadata(metadata, length, layout, disk, err);
out:
	free(metadata);
	return result;
}

/* Until the log has been replayed, the size in the metadata may be out of date. */
static int vhdx_describe(struct disk *container, struct format *format, struct bs_error *err)
{
	struct vhdx_layout layout;
	struct vhdx_disk disk;

	if (vhdx_read_layout(container, &layout, &disk, err) < 0)
		return -1;
	format->access = FORMAT_DRIVER;
	format->unfinished = layout.log_in_use;
	format->disk_size = layout.log_in_use ? 0 : disk.size;
	return 0;
}

static bool vhdx_decode_entry(const struct block_table *blocks, const uint8_t *bytes,
			      uint64_t *offset)
{
	uint64_t entry = load_le64(bytes);

	(void)blocks;
	*offset = entry & ENTRY_OFFSET;
	return (entry & ENTRY_STATE) == FULLY_PRESENT || (entry & ENTRY_STATE) == PARTIALLY_PRESENT;
}

static int vhdx_claim(struct disk *container, struct claims *claims, struct bs_error *err)
{
	struct block_table blocks = {
		.table = {.entry_size = ENTRY_SIZE},
		.decode = vhdx_decode_entry,
	};
	struct vhdx_layout layout;
	struct vhdx_disk disk;

	if (vhdx_read_layout(container, &layout, &disk, err) < 0)
		return -1;
	if (claims_add_area(claims, "headers", CLAIMS_NO_NUMBER, 0, SECTION_SIZE, err) < 0 ||
	    claims_add_area(claims, "log", CLAIMS_NO_NUMBER, layout.log_offset, layout.log_size,
			    err) < 0 ||
	    claims_add_area(claims, "metadata", CLAIMS_NO_NUMBER, layout.metadata_offset,
			    layout.metadata_size, err) < 0)
		return -1;
	blocks.table.offset = layout.table_offset;
	blocks.table.entries = vhdx_table_entries(&disk);
	blocks.block_length = disk.block_size;
	blocks.chunk = vhdx_chunk_blocks(&disk);
	return table_claim_blocks(container, &blocks, claims, err);
}

static int vhdx_refer(struct disk *container, const struct reference_taker *taker,
		      struct bs_error *err)
{
	static const char *const keys[] = {"relative_path", "volume_path", "absolute_win32_path"};
	struct vhdx_items items = {0};
	struct vhdx_layout layout;
	uint8_t *metadata;
	char path[PATH_SIZE];
	size_t length;
	int result = vhdx_read_metadata(container, &layout, &metadata, &length, err);

	if (result == 0)
		result = vhdx_take_items(metadata, length, &items, err);
	for (size_t i = 0; result == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
		vhdx_locator_value(&items, keys[i], path, sizeof(path));
		if (*path)
			taker->take(taker->context, REFERENCE_PARENT, path);
	}
	free(metadata);
	return result;
}

const struct format_codec vhdx_codec = {
	.magics = {{0, 8, "vhdxfile"}},
	.describe = vhdx_describe,
	.check_tables = vhdx_claim,
	.refer = vhdx_refer,
};
