/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The metadata region of a VHDX: a table of items, each with a GUID, an offset and a length, and
 * the items behind it.  All numbers are little-endian.
 */
#include <inttypes.h>

#include "format/vhdx.h"
#include "util/bytes.h"
#include "util/utf16.h"

/* The table and the entries in it. */
enum {
	ITEM_COUNT = 10,
	ITEM_ENTRIES = 32,
	ITEM_ENTRY_SIZE = 32,
	ITEM_OFFSET = 16, /* in the region, bytes */
	ITEM_LENGTH = 20,
	ITEM_FLAGS = 24,
	ITEM_REQUIRED = 4,
	GUID_SIZE = 16,
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
#define CHUNK_SECTORS  (1ull << 23) /* of the disk, for which one sector bitmap stands */
#define SECTOR_SIZE    512u

/*
 * An entry of the table of blocks: the state in the lowest bits, the place in MiB from bit 20 on.
 */
#define ENTRY_STATE  7u
#define ENTRY_OFFSET (~0xfffffull)

/* The states of an entry with a block in use; the second one only in a differencing VHDX. */
enum {
	FULLY_PRESENT = 6,
	PARTIALLY_PRESENT = 7,
};

enum item {
	FILE_PARAMETERS,
	DISK_SIZE,
	DISK_ID,
	LOGICAL_SECTOR_SIZE,
	PHYSICAL_SECTOR_SIZE,
	PARENT_LOCATOR, /* only of a differencing VHDX */
	ITEM_KINDS
};

static const struct {
	uint8_t guid[GUID_SIZE];
	uint32_t length; /* at least */
} kinds[ITEM_KINDS] = {
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

/* An item found in the region; NULL when it is not there. */
struct items {
	const uint8_t *bytes[ITEM_KINDS];
	uint32_t length[ITEM_KINDS];
};

static int take_item(const uint8_t *region, size_t length, const uint8_t *entry,
		     struct items *items, struct bs_error *err)
{
	uint32_t offset = load_le32(entry + ITEM_OFFSET), size = load_le32(entry + ITEM_LENGTH);
	size_t kind = 0;

	while (kind < ITEM_KINDS && memcmp(entry, kinds[kind].guid, GUID_SIZE) != 0)
		kind++;
	if (kind == ITEM_KINDS) {
		if (load_le32(entry + ITEM_FLAGS) & ITEM_REQUIRED)
			return fail(err, BS_FORMAT_UNREADABLE,
				    "the VHDX requires something unknown in its metadata");
		return 0;
	}
	if (items->bytes[kind] != NULL || size < kinds[kind].length ||
	    !range_within(offset, size, length))
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are damaged");
	items->bytes[kind] = region + offset;
	items->length[kind] = size;
	return 0;
}

static int take_items(const uint8_t *region, size_t length, struct items *items,
		      struct bs_error *err)
{
	size_t count;

	*items = (struct items){0};
	if (length < ITEM_ENTRIES || memcmp(region, "metadata", 8) != 0)
		return fail(err, BS_CONTAINER_CORRUPT, "the VHDX has no metadata");
	count = load_le16(region + ITEM_COUNT);
	if (!range_within(ITEM_ENTRIES, count * ITEM_ENTRY_SIZE, length))
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are damaged");
	for (size_t i = 0; i < count; i++)
		if (take_item(region, length, region + ITEM_ENTRIES + i * ITEM_ENTRY_SIZE, items,
			      err) != 0)
			return -1;
	return 0;
}

/* Decodes a string of the locator; one that lies outside of it is empty. */
static void locator_text(const struct items *items, uint32_t offset, uint32_t length, char *text,
			 size_t size)
{
	bool inside = range_within(offset, length, items->length[PARENT_LOCATOR]);

	utf16_to_utf8(items->bytes[PARENT_LOCATOR] + (inside ? offset : 0), inside ? length : 0,
		      text, size);
}

/* Finds the value of a key; an empty one when there is no such key. */
static void locator_value(const struct items *items, const char *wanted, char *value, size_t size)
{
	const uint8_t *locator = items->bytes[PARENT_LOCATOR];
	size_t count = load_le16(locator + LOCATOR_COUNT);
	char key[64];

	*value = '\0';
	if (!range_within(LOCATOR_ENTRIES, count * LOCATOR_ENTRY_SIZE,
			  items->length[PARENT_LOCATOR]))
		return;
	for (size_t i = 0; i < count && *value == '\0'; i++) {
		const uint8_t *entry = locator + LOCATOR_ENTRIES + i * LOCATOR_ENTRY_SIZE;

		locator_text(items, load_le32(entry + LOCATOR_KEY_OFFSET),
			     load_le16(entry + LOCATOR_KEY_LENGTH), key, sizeof(key));
		if (strcmp(key, wanted) == 0)
			locator_text(items, load_le32(entry + LOCATOR_VALUE_OFFSET),
				     load_le16(entry + LOCATOR_VALUE_LENGTH), value, size);
	}
}

static int refuse_parent(const struct items *items, struct bs_error *err)
{
	char path[PATH_SHOWN_MAX] = "";

	if (items->bytes[PARENT_LOCATOR] != NULL) {
		locator_value(items, "absolute_win32_path", path, sizeof(path));
		if (*path == '\0')
			locator_value(items, "relative_path", path, sizeof(path));
	}
	return fail(err, BS_VHDX_DIFFERENCING,
		    "is a differencing VHDX: it holds only the changes to its parent, %s",
		    *path ? path : "another file");
}

uint32_t vhdx_chunk_blocks(const struct vhdx_disk *disk)
{
	return (uint32_t)(CHUNK_SECTORS * SECTOR_SIZE / disk->block_size);
}

uint64_t vhdx_table_entries(const struct vhdx_disk *disk)
{
	uint64_t blocks = (disk->size - 1) / disk->block_size + 1;

	return blocks + (blocks - 1) / vhdx_chunk_blocks(disk);
}

bool vhdx_decode_entry(const uint8_t *bytes, uint64_t *offset)
{
	uint64_t entry = load_le64(bytes);

	*offset = entry & ENTRY_OFFSET;
	return (entry & ENTRY_STATE) == FULLY_PRESENT || (entry & ENTRY_STATE) == PARTIALLY_PRESENT;
}

static int check_disk(const struct vhdx_disk *disk, uint32_t sector_size,
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
	if (vhdx_table_entries(disk) > layout->table_size / VHDX_TABLE_ENTRY_SIZE)
		return fail(err, BS_CONTAINER_CORRUPT,
			    "the table of blocks of the VHDX is too short for its disk");
	return 0;
}

int vhdx_decode_metadata(const uint8_t *bytes, size_t length, const struct vhdx_layout *layout,
			 struct vhdx_disk *disk, struct bs_error *err)
{
	const uint8_t *parameters, *size, *sector_size;
	struct items items;

	if (take_items(bytes, length, &items, err) != 0)
		return -1;
	parameters = items.bytes[FILE_PARAMETERS];
	size = items.bytes[DISK_SIZE];
	sector_size = items.bytes[LOGICAL_SECTOR_SIZE];
	if (parameters == NULL || size == NULL || sector_size == NULL ||
	    items.bytes[DISK_ID] == NULL || items.bytes[PHYSICAL_SECTOR_SIZE] == NULL)
		return fail(err, BS_CONTAINER_CORRUPT, "the metadata of the VHDX are not complete");
	if (load_le32(parameters + PARAMETERS_FLAGS) & PARAMETERS_HAS_PARENT)
		return refuse_parent(&items, err);
	disk->size = load_le64(size);
	disk->block_size = load_le32(parameters);
	return check_disk(disk, load_le32(sector_size), layout, err);
}

void vhdx_refer(const uint8_t *bytes, size_t length, const struct reference_taker *taker)
{
	static const char *const keys[] = {"relative_path", "volume_path", "absolute_win32_path"};
	char path[PATH_SIZE];
	struct bs_error ignored;
	struct items items;

	if (take_items(bytes, length, &items, &ignored) != 0 || items.bytes[PARENT_LOCATOR] == NULL)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		locator_value(&items, keys[i], path, sizeof(path));
		if (*path != '\0')
			taker->take(taker->context, REFERENCE_PARENT, path);
	}
}
