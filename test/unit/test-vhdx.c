/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The structures of a VHDX: exact bytes, and VHDXs that qemu-img makes. */
#include "format/vhdx.h"
#include "unit/container-file.h"
#include "util/bytes.h"
#include "util/crc32c.h"

/*
 * The file has headers, the table of blocks at 1 MiB and the metadata at 2 MiB; each takes 1 MiB.
 */
#define FILE_SIZE (3u << 20)
#define HEADER_1  65536u
#define HEADER_2  131072u
#define REGIONS   196608u
#define METADATA  (2u << 20)
#define ITEMS     (METADATA + 65536u)

/* The field names are those of [MS-VHDX]. */
static const uint8_t header[80] = {
	[0] = 'h', 'e', 'a',  'd', /* Signature */
	[8] = 1,                   /* SequenceNumber */
	[66] = 1,  0,              /* Version */
	[68] = 0,  0,   0x10, 0,   /* LogLength */
	[72] = 0,  0,   0x10, 0,   /* LogOffset */
};

/* clang-format off */
static const uint8_t regions[80] = {
	'r', 'e', 'g', 'i', 0, 0, 0, 0, /* Signature, Checksum */
	2, 0, 0, 0, 0, 0, 0, 0,         /* EntryCount */
	/* 2DC27766-F623-4200-9D64-115E9BFD4A08, at 1 MiB, 1 MiB, required: the table of blocks */
	0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08,
	0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0,
	/* 8B7CA206-4790-4B9A-B8FE-575F050F886E, at 2 MiB, 1 MiB, required: the metadata */
	0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e,
	0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0,
};

/* An entry: its ItemId, Offset, Length and flags; all are required. */
static const uint8_t table[32 + 6 * 32] = {
	'm', 'e', 't', 'a', 'd', 'a', 't', 'a', 0, 0, 5, 0, /* Signature, EntryCount */
	/* CAA16737-FA36-4D43-B3B6-33F0AA44E76B: file parameters */
	[32] = 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b,
	0, 0, 1, 0, 8, 0, 0, 0, 4,
	/* 2FA54224-CD1B-4876-B211-5DBED83BF4B8: virtual disk size */
	[64] = 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8,
	8, 0, 1, 0, 8, 0, 0, 0, 6,
	/* BECA12AB-B2E6-4523-93EF-C309E000C746: virtual disk ID */
	[96] = 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46,
	16, 0, 1, 0, 16, 0, 0, 0, 6,
	/* 8141BF1D-A96F-4709-BA47-F233A8FAAB5F: logical sector size */
	[128] = 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f,
	32, 0, 1, 0, 4, 0, 0, 0, 6,
	/* CDA348C7-445D-4471-9CC9-E9885251C556: physical sector size */
	[160] = 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56,
	36, 0, 1, 0, 4, 0, 0, 0, 6,
	/* A8D35F2D-B30B-454D-ABF7-D3D84834AB0C: parent locator; not counted above */
	[192] = 0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c,
	40, 0, 1, 0, 200, 0, 0, 0, 4,
};

static const uint8_t items[40] = {
	0, 0, 0x20, 0, 0, 0, 0, 0, /* BlockSize: 2 MiB; LeaveBlockAllocated, HasParent */
	0, 0, 0, 0x10, 0, 0, 0, 0, /* VirtualDiskSize: 256 MiB */
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, /* VirtualDiskId */
	0, 2, 0, 0,                /* LogicalSectorSize */
	0, 0x10, 0, 0,             /* PhysicalSectorSize */
};
/* clang-format on */

static struct memory_disk *memory;

static void seal(size_t offset, size_t length)
{
	store_le32(memory->bytes + offset + 4, 0);
	store_le32(memory->bytes + offset + 4, crc32c(0, memory->bytes + offset, length));
}

static void setup(void)
{
	memory = memory_disk_open(FILE_SIZE);
	memset(memory->bytes, 0, FILE_SIZE);
	memcpy(memory->bytes, "vhdxfileQ\0E\0M\0U\0", 16);
	memcpy(memory->bytes + HEADER_1, header, sizeof(header));
	memcpy(memory->bytes + HEADER_2, header, sizeof(header));
	memory->bytes[HEADER_2 + 8] = 2;
	memcpy(memory->bytes + REGIONS, regions, sizeof(regions));
	memcpy(memory->bytes + METADATA, table, sizeof(table));
	memcpy(memory->bytes + ITEMS, items, sizeof(items));
	seal(HEADER_1, 4096);
	seal(HEADER_2, 4096);
	seal(REGIONS, 65536);
}

static void teardown(void)
{
	disk_close(&memory->disk);
}

static void assert_good(uint64_t size)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_msg(format_detect(&memory->disk, NULL, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, "vhdx");
	ck_assert_str_eq(format.driver, "vhdx");
	ck_assert_int_eq(format.access, FORMAT_DRIVER);
	ck_assert_uint_eq(format.disk_size, size);
}

static void assert_bad(enum bs_code code, const char *part)
{
	memory_assert_refused(memory, NULL, code, part);
}

TEST_CASE(vhdx, "vhdx", .setup = setup, .teardown = teardown);

TEST(vhdx, the_metadata_give_the_size_of_the_disk)
{
	assert_good(256 << 20);
}

TEST(vhdx, the_good_header_with_the_higher_number_counts)
{
	memory->bytes[HEADER_1 + 66] = 2; /* an older one of another version */
	seal(HEADER_1, 4096);
	assert_good(256 << 20);
	memory->bytes[HEADER_1 + 8] = 3;
	seal(HEADER_1, 4096);
	assert_bad(BS_FORMAT_UNREADABLE, "version 2");
	memory->bytes[HEADER_1 + 4095] ^= 1;
	assert_good(256 << 20);
	memory->bytes[HEADER_2 + 100] ^= 1;
	assert_bad(BS_CONTAINER_CORRUPT, "both headers");
}

TEST(vhdx, two_headers_with_one_number_must_be_the_same)
{
	memory->bytes[HEADER_1 + 8] = 2;
	seal(HEADER_1, 4096);
	assert_good(256 << 20);
	memory->bytes[HEADER_1 + 16] = 1;
	seal(HEADER_1, 4096);
	assert_bad(BS_CONTAINER_CORRUPT, "both headers");
}

TEST(vhdx, with_a_log_in_use_only_the_driver_knows_the_size)
{
	memory->bytes[HEADER_1 + 48] = 1; /* not the current one */
	seal(HEADER_1, 4096);
	assert_good(256 << 20);
	memory->bytes[HEADER_2 + 63] = 1;
	seal(HEADER_2, 4096);
	assert_good(0);
	memory->bytes[HEADER_2 + 74] = 0x30;
	seal(HEADER_2, 4096);
	assert_bad(BS_CONTAINER_CORRUPT, "log");
}

TEST(vhdx, a_damaged_region_table_is_corruption)
{
	memory->bytes[REGIONS + 65535] ^= 1;
	assert_bad(BS_CONTAINER_CORRUPT, "damaged");
	memory->bytes[REGIONS + 8] = 1;
	seal(REGIONS, 65536);
	assert_bad(BS_CONTAINER_CORRUPT, "not complete");
	store_le32(memory->bytes + REGIONS + 8, 2048);
	seal(REGIONS, 65536);
	assert_bad(BS_CONTAINER_CORRUPT, "damaged");
}

TEST(vhdx, a_region_lies_in_the_file_and_behind_the_headers)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{34, 0}, {34, 0x30}, {39, 0xff}, {43, 0xff}, {66, 0x21}, {74, 0x11}};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t before = memory->bytes[REGIONS + changes[i].at];

		memory->bytes[REGIONS + changes[i].at] = changes[i].value;
		seal(REGIONS, 65536);
		assert_bad(BS_CONTAINER_CORRUPT, "region");
		memory->bytes[REGIONS + changes[i].at] = before;
	}
	memcpy(memory->bytes + REGIONS + 48, memory->bytes + REGIONS + 16, 32); /* twice the same */
	seal(REGIONS, 65536);
	assert_bad(BS_CONTAINER_CORRUPT, "region");
}

TEST(vhdx, an_unknown_region_or_item_passes_unless_it_is_required)
{
	memory->bytes[REGIONS + 8] = 3;
	memory->bytes[REGIONS + 80] = 0x77;
	seal(REGIONS, 65536);
	memory->bytes[METADATA + 10] = 6;
	memory->bytes[METADATA + 192] ^= 1;
	memory->bytes[METADATA + 216] = 0;
	assert_good(256 << 20);
	memory->bytes[METADATA + 216] = 4;
	assert_bad(BS_FORMAT_UNREADABLE, "metadata");
	memory->bytes[REGIONS + 108] = 1;
	seal(REGIONS, 65536);
	assert_bad(BS_FORMAT_UNREADABLE, "region table");
}

TEST(vhdx, metadata_with_an_item_twice_are_corruption)
{
	memory->bytes[METADATA + 10] = 6;
	memcpy(memory->bytes + METADATA + 192, memory->bytes + METADATA + 32, 32);
	assert_bad(BS_CONTAINER_CORRUPT, "metadata");
}

TEST(vhdx, a_differencing_vhdx_is_refused_with_the_name_of_its_parent)
{
	/* LocatorType, KeyValueCount, then an entry: KeyOffset, ValueOffset, and the lengths. */
	/* clang-format off */
	static const uint8_t locator[200] = {
		0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13,
		0, 0, 2, 0,
		44, 0, 0, 0, 58, 0, 0, 0, 14, 0, 6, 0,
		64, 0, 0, 0, 102, 0, 0, 0, 38, 0, 12, 0,
		'p', 0, 'a', 0, 'r', 0, 'e', 0, 'n', 0, 't', 0, '_', 0,
		'x', 0, 'y', 0, 'z', 0,
		'a', 0, 'b', 0, 's', 0, 'o', 0, 'l', 0, 'u', 0, 't', 0, 'e', 0, '_', 0,
		'w', 0, 'i', 0, 'n', 0, '3', 0, '2', 0, '_', 0, 'p', 0, 'a', 0, 't', 0, 'h', 0,
		'C', 0, ':', 0, '\\', 0, 'W', 0, '.', 0, 0xe9, 0,
	};
	/* clang-format on */

	memory->bytes[ITEMS + 4] = 2;
	assert_bad(BS_VHDX_DIFFERENCING, "another file");
	memory->bytes[METADATA + 10] = 6;
	memcpy(memory->bytes + ITEMS + 40, locator, sizeof(locator));
	assert_bad(BS_VHDX_DIFFERENCING, "C:\\W.é");
	memory->bytes[ITEMS + 40 + 20 + 12 + 7] = 1; /* the value lies elsewhere */
	assert_bad(BS_VHDX_DIFFERENCING, "another file");
	memory->bytes[ITEMS + 40 + 18] = 200; /* more entries than there is room for */
	assert_bad(BS_VHDX_DIFFERENCING, "another file");
}

TEST(vhdx, sectors_of_4096_bytes_are_not_supported)
{
	memory->bytes[ITEMS + 33] = 0x10;
	assert_bad(BS_SECTOR_SIZE, "4Kn");
}

TEST(vhdx, a_disk_that_cannot_be_is_corruption)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *part;
	} changes[] = {
		{2, 0x08, "impossible"}, {2, 0x30, "impossible"}, {3, 0x20, "impossible"},
		{11, 0, "impossible"},   {8, 1, "impossible"},    {14, 0x41, "impossible"},
		{32, 1, "impossible"},   {13, 0x20, "too short"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memory->bytes[ITEMS + changes[i].at] = changes[i].value;
		assert_bad(BS_CONTAINER_CORRUPT, changes[i].part);
		memcpy(memory->bytes + ITEMS, items, sizeof(items));
	}
}

TEST(vhdx, metadata_that_are_damaged_or_not_complete_are_corruption)
{
	memory->bytes[METADATA + 10] = 4;
	assert_bad(BS_CONTAINER_CORRUPT, "not complete");
	store_le16(memory->bytes + METADATA + 10, 0xffff);
	assert_bad(BS_CONTAINER_CORRUPT, "damaged");
	memory->bytes[METADATA + 11] = 0;
	memory->bytes[METADATA + 10] = 5;
	memory->bytes[METADATA + 51] = 0x10; /* the offset of an item */
	assert_bad(BS_CONTAINER_CORRUPT, "damaged");
	memory->bytes[METADATA + 51] = 0;
	memory->bytes[METADATA + 52] = 7; /* its length */
	assert_bad(BS_CONTAINER_CORRUPT, "damaged");
	memory->bytes[METADATA] = 'M';
	assert_bad(BS_CONTAINER_CORRUPT, "no metadata");
}

TEST(vhdx, damage_anywhere_is_survived)
{
	memory->bytes[ITEMS + 4] = 2;
	memory->bytes[METADATA + 10] = 6;
	memory->bytes[ITEMS + 40 + 18] = 3;
	memory_damage(memory, NULL, METADATA, METADATA + sizeof(table));
	memory_damage(memory, "vhdx", ITEMS, ITEMS + 140);
}

TEST(vhdx, structures_that_are_cut_short_are_corruption)
{
	const struct vhdx_layout layout = {.table_size = 1 << 20};
	struct vhdx_layout found;
	struct bs_error err;
	struct vhdx_disk disk;

	for (size_t length = 0; length < VHDX_HEADERS_SIZE; length += 4093)
		ck_assert_int_eq(
			vhdx_decode_headers(memory->bytes, length, FILE_SIZE, &found, &err), -1);
	for (size_t length = 0; length < 65536 + 40; length += length < 300 ? 1 : 509) {
		uint8_t *exact = malloc(length + (length == 0));

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, memory->bytes + METADATA, length);
		ck_assert_int_eq(vhdx_decode_metadata(exact, length, &layout, &disk, &err), -1);
		ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
		free(exact);
	}
}

TEST(vhdx, what_qemu_makes_is_described)
{
	static const char *const options[] = {
		"block_size=1M", "block_size=2M",   "block_size=256M",
		"log_size=4M",   "subformat=fixed", "block_state_zero=off",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		IN_FOLDER("qemu-img create -q -f vhdx -o %s a.vhdx 100M", options[i]);
		container_assert("a.vhdx", "vhdx", FORMAT_DRIVER, 100 << 20);
	}
	IN_FOLDER("qemu-img create -q -f vhdx a.vhdx 2T");
	container_assert("a.vhdx", "vhdx", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("qemu-img create -q -f vhdx a.vhdx 64T");
	container_assert("a.vhdx", "vhdx", FORMAT_DRIVER, 64ull << 40);
	IN_FOLDER("truncate -s 3M a.vhdx");
	container_assert_refused("a.vhdx", BS_CONTAINER_CORRUPT, "region");
}
