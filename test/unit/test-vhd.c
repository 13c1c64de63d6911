/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The footer and the dynamic header of VHDs: exact bytes, and VHDs that qemu-img makes. */
#include "format/vhd.h"
#include "unit/container-file.h"
#include "unit/fixed-footer.h"
#include "util/bytes.h"

/* The header of a dynamic VHD with 50 blocks of 2 MiB. */
static const uint8_t dynamic_header[1024] = {
	'c',  'x',  's',  'p',  'a',  'r',  's',  'e',  /*  0 cookie */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /*  8 data offset: none */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, /* 16 table offset */
	0x00, 0x01, 0x00, 0x00,                         /* 24 header version 1.0 */
	0x00, 0x00, 0x00, 0x32,                         /* 28 max table entries */
	0x00, 0x20, 0x00, 0x00,                         /* 32 block size */
	0xff, 0xff, 0xf4, 0x45,                         /* 36 checksum */
};

#define FOOTER_CHECKSUM 64
#define HEADER_CHECKSUM 36

static void correct_checksum(uint8_t *bytes, size_t length, size_t at)
{
	uint32_t sum = 0;

	memset(bytes + at, 0, 4);
	for (size_t i = 0; i < length; i++)
		sum += bytes[i];
	for (size_t i = 0; i < 4; i++)
		bytes[at + i] = (uint8_t)(~sum >> (24 - 8 * i));
}

/* ---- the footer --------------------------------------------------------------------------- */

TEST_CASE(vhd, "vhd");

TEST(vhd, the_footer_of_a_fixed_vhd_is_decoded)
{
	struct bs_error err = {0};
	struct vhd_footer footer;

	ck_assert_msg(vhd_decode_footer(fixed_footer, 512, &footer, &err) == 0, "%s", err.message);
	ck_assert_int_eq(footer.type, VHD_FIXED);
	ck_assert_uint_eq(footer.current_size, 65536);
	ck_assert_uint_eq(footer.dynamic_header_offset, UINT64_MAX);
	ck_assert(!footer.saved_state);
}

TEST(vhd, a_flipped_bit_anywhere_in_a_footer_is_corruption)
{
	struct bs_error err;
	struct vhd_footer footer;
	uint8_t bytes[512];

	for (size_t bit = 0; bit < 512 * 8; bit++) {
		memcpy(bytes, fixed_footer, 512);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (vhd_decode_footer(bytes, 512, &footer, &err) == 0 || err.code != BS_VHD_CORRUPT)
			ck_abort_msg("bit %zu", bit);
	}
}

TEST(vhd, a_footer_of_another_length_version_or_type_is_corruption)
{
	struct bs_error err;
	struct vhd_footer footer;
	uint8_t bytes[512];

	FOR_EACH_LENGTH(fixed_footer, 510u, exact, length,
			ck_assert_int_eq(vhd_decode_footer(exact, length, &footer, &err), -1))
	memcpy(bytes, fixed_footer, 512);
	bytes[13] = 2;
	correct_checksum(bytes, 512, FOOTER_CHECKSUM);
	ck_assert_int_eq(vhd_decode_footer(bytes, 512, &footer, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "version 2"));
	memcpy(bytes, fixed_footer, 512);
	bytes[63] = 5;
	correct_checksum(bytes, 512, FOOTER_CHECKSUM);
	ck_assert_int_eq(vhd_decode_footer(bytes, 512, &footer, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "type 5"));
}

/* ---- the dynamic header ------------------------------------------------------------------- */

TEST(vhd, the_header_of_a_dynamic_vhd_is_decoded)
{
	struct bs_error err = {0};
	struct vhd_dynamic_header header;

	ck_assert_msg(vhd_decode_dynamic_header(dynamic_header, 1024, &header, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(header.table_offset, 1536);
	ck_assert_uint_eq(header.table_entries, 50);
	ck_assert_uint_eq(header.block_size, 2 << 20);
	ck_assert_str_eq(header.parent_name, "");
}

TEST(vhd, a_flipped_bit_anywhere_in_a_dynamic_header_is_corruption)
{
	struct bs_error err;
	struct vhd_dynamic_header header;
	uint8_t bytes[1024];

	for (size_t bit = 0; bit < 1024 * 8; bit++) {
		memcpy(bytes, dynamic_header, 1024);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (vhd_decode_dynamic_header(bytes, 1024, &header, &err) == 0 ||
		    err.code != BS_VHD_CORRUPT)
			ck_abort_msg("bit %zu", bit);
	}
}

TEST(vhd, a_dynamic_header_of_another_length_version_or_block_size_is_corruption)
{
	static const uint8_t changes[][2] = {{25, 2}, {33, 0}, {33, 0x30}, {35, 1}};
	struct bs_error err;
	struct vhd_dynamic_header header;
	uint8_t bytes[1024];

	FOR_EACH_LENGTH(
		dynamic_header, 1023u, exact, length,
		ck_assert_int_eq(vhd_decode_dynamic_header(exact, length, &header, &err), -1))
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(bytes, dynamic_header, 1024);
		bytes[changes[i][0]] = changes[i][1];
		correct_checksum(bytes, 1024, HEADER_CHECKSUM);
		ck_assert_int_eq(vhd_decode_dynamic_header(bytes, 1024, &header, &err), -1);
		ck_assert_int_eq(err.code, BS_VHD_CORRUPT);
	}
}

TEST(vhd, the_name_of_a_parent_is_decoded)
{
	struct bs_error err = {0};
	struct vhd_dynamic_header header;
	uint8_t bytes[1024];

	memcpy(bytes, dynamic_header, 1024);
	memcpy(bytes + 64, "\0D\0:\0\\\0p\0\xe8\0r\0e\0.\0v\0h\0d\xd8\x3d\xdc\xbe", 26);
	correct_checksum(bytes, 1024, HEADER_CHECKSUM);
	ck_assert_int_eq(vhd_decode_dynamic_header(bytes, 1024, &header, &err), 0);
	ck_assert_str_eq(header.parent_name, "D:\\père.vhd\U0001F4BE");
	for (size_t i = 0; i < 512; i += 2) { /* the longest one */
		bytes[64 + i] = 0x20;
		bytes[65 + i] = 0xac;
	}
	correct_checksum(bytes, 1024, HEADER_CHECKSUM);
	ck_assert_int_eq(vhd_decode_dynamic_header(bytes, 1024, &header, &err), 0);
	ck_assert_uint_eq(strlen(header.parent_name), 768);
}

/* ---- dynamic VHDs that qemu-img makes, with changes --------------------------------------- */

static struct memory_disk *memory;

/* A disk of 100 MiB in a file that has: footer, header at 512, table at 1536, footer. */
static void load_dynamic(void)
{
	IN_FOLDER("qemu-img create -q -f vpc -o force_size=on a.vhd 100M");
	memory = container_load("a.vhd");
	ck_assert_uint_eq(memory->disk.size, 2560);
}

/* Changes a byte in both footers. */
static void change_footers(size_t at, uint8_t value)
{
	memory->bytes[at] = value;
	memory->bytes[2048 + at] = value;
	correct_checksum(memory->bytes, 512, FOOTER_CHECKSUM);
	correct_checksum(memory->bytes + 2048, 512, FOOTER_CHECKSUM);
}

static void change_header(size_t at, uint8_t value)
{
	memory->bytes[512 + at] = value;
	correct_checksum(memory->bytes + 512, 1024, HEADER_CHECKSUM);
}

static void save(const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", images_folder(), name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(memory->bytes, 1, memory->disk.size, file), memory->disk.size);
	ck_assert_int_eq(fclose(file), 0);
}

TEST(vhd, a_dynamic_vhd_is_for_the_driver)
{
	struct bs_error err = {0};
	struct format format;

	load_dynamic();
	ck_assert_msg(format_detect(&memory->disk, NULL, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, "vhd");
	ck_assert_str_eq(format.driver, "vpc");
	ck_assert_int_eq(format.access, FORMAT_DRIVER);
	ck_assert_uint_eq(format.disk_size, 100 << 20);
	disk_close(&memory->disk);
}

/*
 * Options tell the driver to use the size that this program found, whatever the creator of the
 * file.
 */
TEST(vhd, the_driver_sees_a_disk_of_the_same_size_for_each_creator)
{
	static const char creators[][5] = {"vpc ", "win ", "d2v ", "tap",  "CTXS",
					   "wa",   "qemu", "qem2", "vbox", "vs  "};
	struct bs_error err = {0};
	struct format format;
	char *info;

	load_dynamic();
	change_footers(56, 0); /* the geometry: 203 cylinders, less than the size */
	change_footers(57, 203);
	change_footers(58, 16);
	change_footers(59, 63);
	for (size_t i = 0; i < sizeof(creators) / sizeof(creators[0]); i++) {
		for (size_t c = 0; c < 4; c++)
			change_footers(28 + c, (uint8_t)creators[i][c]);
		save("b.vhd");
		ck_assert_int_eq(container_detect("b.vhd", &format, &err), 0);
		ck_assert_uint_eq(format.disk_size, 100 << 20);
		info = image_run(0,
				 "qemu-img info --image-opts driver=%s,%s,file.filename=%s/b.vhd",
				 format.driver, format.driver_options, images_folder());
		ck_assert_msg(strstr(info, "(104857600 bytes)") != NULL, "%s: %s", creators[i],
			      info);
		free(info);
	}
	disk_close(&memory->disk);
}

TEST(vhd, what_qemu_makes_is_described)
{
	static const struct {
		const char *options, *size;
		uint64_t disk_size; /* as QEMU rounds it up to whole cylinders, or not */
	} made[] = {
		{"subformat=dynamic,force_size=on", "104857600", 104857600},
		{"subformat=dynamic,force_size=off", "104857600", 104865792},
		{"subformat=dynamic,force_size=on", "127G", 127ull << 30},
		{"subformat=dynamic,force_size=on", "2040G", 2040ull << 30},
	};

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		IN_FOLDER("qemu-img create -q -f vpc -o %s a.vhd %s", made[i].options,
			  made[i].size);
		container_assert("a.vhd", "vhd", FORMAT_DRIVER, made[i].disk_size);
	}
	IN_FOLDER("qemu-img create -q -f vpc -o subformat=fixed,force_size=on a.vhd 1000000k");
	container_assert("a.vhd", "vhd", FORMAT_DIRECT, 1024000000);
}

TEST(vhd, small_blocks_are_described)
{
	load_dynamic();
	change_header(33, 0x10); /* 1 MiB */
	change_header(31, 100);
	save("b.vhd");
	container_assert("b.vhd", "vhd", FORMAT_DRIVER, 100 << 20);
	disk_close(&memory->disk);
}

TEST(vhd, a_differencing_vhd_is_refused_with_the_name_of_its_parent)
{
	load_dynamic();
	change_footers(63, VHD_DIFFERENCING);
	memory_assert_refused(memory, NULL, BS_VHD_DIFFERENCING, "parent, another file");
	change_header(65, 'p');
	memory_assert_refused(memory, NULL, BS_VHD_DIFFERENCING, "parent, p");
	disk_close(&memory->disk);
}

TEST(vhd, a_saved_state_in_either_footer_is_refused)
{
	load_dynamic();
	memory->bytes[84] = 1;
	correct_checksum(memory->bytes, 512, FOOTER_CHECKSUM);
	memory_assert_refused(memory, NULL, BS_VHD_SAVED_STATE, "saved state");
	change_footers(84, 1);
	memory_assert_refused(memory, NULL, BS_VHD_SAVED_STATE, "saved state");
	memory->bytes[84] = 0;
	correct_checksum(memory->bytes, 512, FOOTER_CHECKSUM);
	memory_assert_refused(memory, NULL, BS_VHD_SAVED_STATE, "saved state");
	disk_close(&memory->disk);
}

TEST(vhd, footers_that_disagree_are_corruption)
{
	static const size_t places[] = {23, 55, 63};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		load_dynamic();
		memory->bytes[places[i]] ^= places[i] == 63 ? 7 : 1; /* 3 becomes 4 */
		correct_checksum(memory->bytes, 512, FOOTER_CHECKSUM);
		memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "disagree");
		disk_close(&memory->disk);
	}
}

TEST(vhd, either_footer_missing_is_corruption)
{
	load_dynamic();
	memory->bytes[0] = 0;
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "at the start");
	memory->bytes[0] = 'c';
	memory->disk.size = 2048;
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "cut short: there is no VHD footer");
	memory->disk.size = 2560;
	disk_close(&memory->disk);
}

TEST(vhd, a_table_that_cannot_be_is_corruption)
{
	load_dynamic();
	change_header(31, 49);
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "blocks for only");
	change_header(28, 0xff);
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "beyond the file's end");
	change_header(28, 0);
	change_header(31, 50);
	change_header(16, 0xff);
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "beyond the file's end");
	change_footers(16, 0xff);
	memory_assert_refused(memory, NULL, BS_VHD_CORRUPT, "beyond the file's end");
	disk_close(&memory->disk);
}

TEST(vhd, damage_anywhere_is_survived)
{
	load_dynamic();
	memory_damage(memory, "vhd", 0, 2560);
	memory_damage(memory, NULL, 0, 2560);
	disk_close(&memory->disk);
}
