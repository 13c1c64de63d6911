/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of VDI images: its exact bytes, and headers that qemu-img makes. */
#include "format/vdi.h"
#include "unit/container-file.h"
#include "util/bytes.h"

#define FILE_SIZE (1024u + (1u << 20))

/* A dynamic image of 2 MiB with one allocated block; the field names are those of QEMU's vdi.c. */
static const uint8_t good[VDI_HEADER_SIZE] = {
	[0] = '<',    '<',  '<',  ' ',              /* text */
	[64] = 0x7f,  0x10, 0xda, 0xbe,             /* signature */
	[68] = 1,     0,    1,    0,                /* version 1.1 */
	[72] = 0x90,  1,    0,    0,                /* header_size */
	[76] = 1,     0,    0,    0,                /* image_type: dynamic */
	[340] = 0,    2,    0,    0,                /* offset_bmap */
	[344] = 0,    4,    0,    0,                /* offset_data */
	[360] = 0,    2,    0,    0,                /* sector_size */
	[368] = 0,    0,    0x20, 0,    0, 0, 0, 0, /* disk_size */
	[376] = 0,    0,    0x10, 0,                /* block_size */
	[384] = 2,    0,    0,    0,                /* blocks_in_image */
	[388] = 1,    0,    0,    0,                /* blocks_allocated */
	[392] = 0xaa,                               /* uuid_image */
	[408] = 0xbb,                               /* uuid_last_snap */
};

static uint8_t bytes[VDI_HEADER_SIZE];

static void setup(void)
{
	memcpy(bytes, good, sizeof(bytes));
}

static void assert_good(uint64_t size)
{
	struct bs_error err = {0};
	uint64_t found = 0;

	ck_assert_msg(vdi_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(found, size);
}

static void assert_change(size_t at, uint8_t value, enum bs_code code, const char *part)
{
	struct bs_error err = {0};
	uint64_t found;

	setup();
	bytes[at] = value;
	ck_assert_int_eq(vdi_decode(bytes, sizeof(bytes), FILE_SIZE, &found, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

TEST_CASE(vdi, "vdi", .setup = setup);

TEST(vdi, a_header_gives_the_size_of_the_disk)
{
	assert_good(2 << 20);
	bytes[76] = 2; /* static */
	assert_good(2 << 20);
}

TEST(vdi, an_odd_size_is_rounded_up_to_whole_sectors)
{
	bytes[370] = 0x1f;
	bytes[368] = 1;
	assert_good(0x1f0200);
}

TEST(vdi, a_differencing_image_is_refused)
{
	assert_change(76, 3, BS_VDI_DIFFERENCING, "parent");
	assert_change(76, 4, BS_VDI_DIFFERENCING, "parent");
	assert_change(424, 1, BS_VDI_DIFFERENCING, "parent");
	assert_change(455, 1, BS_VDI_DIFFERENCING, "parent");
}

TEST(vdi, what_qemu_does_not_write_is_not_supported)
{
	assert_change(70, 0, BS_FORMAT_UNREADABLE, "version 0.1");
	assert_change(361, 0x10, BS_FORMAT_UNREADABLE, "sectors");
	assert_change(378, 0x20, BS_FORMAT_UNREADABLE, "blocks");
	assert_change(381, 2, BS_FORMAT_UNREADABLE, "blocks");
}

TEST(vdi, numbers_that_cannot_be_are_corruption)
{
	assert_change(64, 0, BS_CONTAINER_CORRUPT, "no VDI header");
	assert_change(76, 5, BS_CONTAINER_CORRUPT, "type 5");
	assert_change(370, 0, BS_CONTAINER_CORRUPT, "disk of 0 bytes");
	assert_change(370, 0x21, BS_CONTAINER_CORRUPT, "disk of");
	assert_change(375, 0x80, BS_CONTAINER_CORRUPT, "disk of");
	assert_change(387, 0x40, BS_CONTAINER_CORRUPT, "disk of");
	assert_change(384, 129, BS_CONTAINER_CORRUPT, "block map");
	assert_change(341, 0, BS_CONTAINER_CORRUPT, "block map");
	assert_change(340, 1, BS_CONTAINER_CORRUPT, "block map");
	assert_change(344, 1, BS_CONTAINER_CORRUPT, "block map");
	assert_change(347, 0xff, BS_CONTAINER_CORRUPT, "block map");
	assert_change(388, 2, BS_CONTAINER_CORRUPT, "2 blocks");
	assert_change(391, 0xff, BS_CONTAINER_CORRUPT, "blocks");
}

/* The file is long enough for all of them. */
TEST(vdi, more_blocks_than_the_disk_has_are_corruption)
{
	struct bs_error err = {0};
	uint64_t size;

	bytes[388] = 3;
	ck_assert_int_eq(vdi_decode(bytes, sizeof(bytes), 16 << 20, &size, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ck_assert_msg(strstr(err.message, "counts 3 blocks of 2") != NULL, "%s", err.message);
}

TEST(vdi, a_header_that_is_cut_short_is_corruption)
{
	struct bs_error err;
	uint64_t size;

	FOR_EACH_LENGTH(good, VDI_HEADER_SIZE, exact, length, {
		int result = vdi_decode(exact, length, FILE_SIZE, &size, &err);

		ck_assert_int_eq(result, length < VDI_HEADER_SIZE ? -1 : 0);
		if (result != 0)
			ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	})
}

TEST(vdi, what_qemu_makes_is_described)
{
	IN_FOLDER("qemu-img create -q -f vdi a.vdi 100M");
	container_assert("a.vdi", "vdi", FORMAT_DRIVER, 100 << 20);
	IN_FOLDER("qemu-img create -q -f vdi -o static=on a.vdi 20M");
	container_assert("a.vdi", "vdi", FORMAT_DRIVER, 20 << 20);
	IN_FOLDER("qemu-img create -q -f vdi a.vdi 2T");
	container_assert("a.vdi", "vdi", FORMAT_DRIVER, 2ull << 40);
	IN_FOLDER("qemu-img create -q -f vdi a.vdi 5M");
	IN_FOLDER("qemu-io -f vdi -c 'write 4M 512' a.vdi");
	container_assert("a.vdi", "vdi", FORMAT_DRIVER, 5 << 20);
	IN_FOLDER("truncate -s -1 a.vdi");
	container_assert_refused("a.vdi", BS_CONTAINER_CORRUPT, "1 blocks");
}

TEST(vdi, damage_anywhere_in_a_header_is_survived)
{
	struct memory_disk *memory;

	IN_FOLDER("qemu-img create -q -f vdi a.vdi 1M");
	memory = container_load("a.vdi");
	memory_damage(memory, "vdi", 0, VDI_HEADER_SIZE + 8);
	memory_damage(memory, NULL, 0, VDI_HEADER_SIZE + 8);
	disk_close(&memory->disk);
}
