/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling formats apart, and the VHD footer, written out and as qemu-img makes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/format.h"
#include "disk/image.h"
#include "disk/vhd.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define PAYLOAD 65536u

/* The footer of a fixed VHD of 64 KiB, with the field names of Microsoft's specification. */
static const uint8_t fixed_footer[512] = {
	'c',  'o',  'n',  'e',  'c',  't',  'i',  'x',  /*  0 cookie */
	0x00, 0x00, 0x00, 0x02,                         /*  8 features */
	0x00, 0x01, 0x00, 0x00,                         /* 12 file format version 1.0 */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* 16 data offset: none */
	0x00, 0x00, 0x00, 0x00,                         /* 24 time stamp */
	'w',  'i',  'n',  ' ',                          /* 28 creator application */
	0x00, 0x06, 0x00, 0x01,                         /* 32 creator version */
	'W',  'i',  '2',  'k',                          /* 36 creator host OS */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, /* 40 original size */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, /* 48 current size */
	0x00, 0x02, 0x04, 0x11,                         /* 56 disk geometry */
	0x00, 0x00, 0x00, 0x02,                         /* 60 disk type: fixed */
	0xff, 0xff, 0xf1, 0xba,                         /* 64 checksum */
};

/* A container of a payload and a footer, and one of a payload alone. */
static struct memory_disk *memory, *plain;

static void setup(void)
{
	memory = memory_disk_open(PAYLOAD + 512);
	memcpy(memory->bytes + PAYLOAD, fixed_footer, 512);
	plain = memory_disk_open(PAYLOAD);
}

static void teardown(void)
{
	disk_close(&memory->disk);
	disk_close(&plain->disk);
}

static void correct_checksum(uint8_t *footer, size_t length)
{
	uint32_t sum = 0;

	memset(footer + 64, 0, 4);
	for (size_t i = 0; i < length; i++)
		sum += footer[i];
	for (int i = 0; i < 4; i++)
		footer[64 + i] = (uint8_t)(~sum >> (24 - 8 * i));
}

static void assert_opens(struct memory_disk *container, const char *forced, const char *name,
			 uint64_t size)
{
	struct bs_error err = {0};
	struct format format;
	uint8_t found[512];

	ck_assert_msg(format_open(&container->disk, forced, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, name);
	ck_assert_uint_eq(disk_size(format.disk), size);
	ck_assert_int_eq(disk_read(format.disk, size - 512, found, 512, &err), 0);
	ck_assert_mem_eq(found, container->bytes + size - 512, 512);
	disk_close(format.disk);
}

static void assert_refused(struct memory_disk *container, const char *forced, enum bs_code code,
			   const char *text)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_int_eq(format_open(&container->disk, forced, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, text), "%s", err.message);
}

/* ---- the footer --------------------------------------------------------------------------- */

START_TEST(the_footer_of_a_fixed_vhd_is_decoded)
{
	struct bs_error err = {0};
	struct vhd_footer footer;

	ck_assert_msg(vhd_decode_footer(fixed_footer, 512, &footer, &err) == 0, "%s", err.message);
	ck_assert_int_eq(footer.type, VHD_FIXED);
	ck_assert_uint_eq(footer.current_size, PAYLOAD);
	ck_assert(!footer.saved_state);
}
END_TEST

START_TEST(a_flipped_bit_anywhere_in_a_footer_is_corruption)
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
END_TEST

START_TEST(a_footer_of_another_length_version_or_type_is_corruption)
{
	struct bs_error err;
	struct vhd_footer footer;
	uint8_t bytes[512];

	for (size_t length = 0; length < 511; length++)
		ck_assert_int_eq(vhd_decode_footer(fixed_footer, length, &footer, &err), -1);
	memcpy(bytes, fixed_footer, 512);
	bytes[13] = 2;
	correct_checksum(bytes, 512);
	ck_assert_int_eq(vhd_decode_footer(bytes, 512, &footer, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "version 2"));
	memcpy(bytes, fixed_footer, 512);
	bytes[63] = 5;
	correct_checksum(bytes, 512);
	ck_assert_int_eq(vhd_decode_footer(bytes, 512, &footer, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "type 5"));
}
END_TEST

/* ---- VHD ---------------------------------------------------------------------------------- */

START_TEST(a_fixed_vhd_is_its_payload)
{
	assert_opens(memory, NULL, "vhd", PAYLOAD);
	assert_opens(memory, "vhd", "vhd", PAYLOAD);
}
END_TEST

START_TEST(the_shorter_footer_of_old_virtual_pc_is_understood)
{
	memory->disk.size = PAYLOAD + 511;
	assert_opens(memory, NULL, "vhd", PAYLOAD);
}
END_TEST

START_TEST(a_fixed_vhd_stays_one_whatever_its_guest_writes_in_front)
{
	memcpy(memory->bytes, "QFI\xfb\0\0\0\3", 8);
	assert_opens(memory, NULL, "vhd", PAYLOAD);
	memcpy(memory->bytes, "conectix", 8);
	assert_opens(memory, NULL, "vhd", PAYLOAD);
}
END_TEST

START_TEST(a_wrong_checksum_is_refused_unless_raw_is_forced)
{
	memory->bytes[510] = 0x55;
	memory->bytes[511] = 0xaa;
	memory->bytes[PAYLOAD + 30] ^= 1;
	assert_refused(memory, NULL, BS_VHD_CORRUPT, "checksum");
	assert_refused(memory, "vhd", BS_VHD_CORRUPT, "checksum");
	assert_opens(memory, "raw", "raw", PAYLOAD + 512);
}
END_TEST

START_TEST(a_size_that_cannot_be_is_refused)
{
	static const uint64_t sizes[] = {0, 511, 513, PAYLOAD + 512, UINT64_MAX - 511, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int byte = 0; byte < 8; byte++)
			memory->bytes[PAYLOAD + 48 + byte] = (uint8_t)(sizes[i] >> (56 - 8 * byte));
		correct_checksum(memory->bytes + PAYLOAD, 512);
		assert_refused(memory, NULL, BS_VHD_CORRUPT, "disk");
	}
}
END_TEST

START_TEST(a_saved_state_is_refused)
{
	memory->bytes[PAYLOAD + 84] = 1;
	correct_checksum(memory->bytes + PAYLOAD, 512);
	assert_refused(memory, NULL, BS_VHD_SAVED_STATE, "saved state");
}
END_TEST

START_TEST(dynamic_and_differencing_vhds_are_refused)
{
	memory->bytes[PAYLOAD + 63] = VHD_DYNAMIC;
	correct_checksum(memory->bytes + PAYLOAD, 512);
	assert_refused(memory, NULL, BS_FORMAT_UNSUPPORTED, "dynamic VHD");
	memory->bytes[PAYLOAD + 63] = VHD_DIFFERENCING;
	correct_checksum(memory->bytes + PAYLOAD, 512);
	assert_refused(memory, NULL, BS_VHD_DIFFERENCING, "parent");
}
END_TEST

START_TEST(dynamic_and_differencing_vhds_without_their_end_are_refused)
{
	memcpy(plain->bytes, fixed_footer, 512);
	plain->bytes[63] = VHD_DYNAMIC;
	correct_checksum(plain->bytes, 512);
	assert_refused(plain, NULL, BS_FORMAT_UNSUPPORTED, "dynamic VHD");
	plain->bytes[63] = VHD_DIFFERENCING;
	correct_checksum(plain->bytes, 512);
	assert_refused(plain, NULL, BS_VHD_DIFFERENCING, "parent");
	plain->bytes[20] ^= 1;
	assert_refused(plain, NULL, BS_FORMAT_UNSUPPORTED, "dynamic VHD");
}
END_TEST

/* ---- raw and others ----------------------------------------------------------------------- */

START_TEST(what_has_no_mark_is_raw)
{
	assert_opens(plain, NULL, "raw", PAYLOAD);
	plain->disk.size = 512;
	assert_opens(plain, NULL, "raw", 512);
	assert_refused(plain, "vhd", BS_VHD_CORRUPT, "no VHD footer");
}
END_TEST

START_TEST(a_raw_image_is_whole_sectors)
{
	static const uint64_t sizes[] = {1, 7, 511, 513, PAYLOAD - 1};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		plain->disk.size = sizes[i];
		assert_refused(plain, NULL, BS_NOT_AN_IMAGE, "512");
		assert_refused(plain, "raw", BS_NOT_AN_IMAGE, "512");
	}
	plain->disk.size = 0;
	assert_refused(plain, NULL, BS_NOT_AN_IMAGE, "empty");
}
END_TEST

static const struct {
	size_t offset;
	const char *bytes;
	size_t length;
	const char *text;
} marks[] = {
	{0, "QFI\xfb\0\0\0\3", 8, "qcow2"},
	{0, "QED\0", 4, "QED"},
	{0, "vhdxfile", 8, "VHDX"},
	{0, "KDMV\1\0\0\0", 8, "VMDK"},
	{0, "COWD\1\0\0\0", 8, "VMDK"},
	{0, "# Disk DescriptorFile\n", 22, "VMDK"},
	{64, "\xbe\xda\x10\x7f", 4, "VDI"},
	{0, "WithoutFreeSpace", 16, "Parallels"},
	{0, "WithouFreSpacExt", 16, "Parallels"},
	{0, "MSWIM\0\0\0", 8, "WIM"},
	{0, "EVF\x09\x0d\x0a\xff\x00", 8, "EWF"},
	{0, "AFF10\r\n\0", 8, "AFF"},
	{0, "\x1f\x8b\x08\x00", 4, "gzip"},
	{0, "\xfd\x37\x7a\x58\x5a\x00", 6, "xz"},
	{0, "PK\x03\x04", 4, "zip"},
	{0, "7z\xbc\xaf\x27\x1c", 6, "7z"},
	{32769, "CD001", 5, "ISO 9660"},
};

START_TEST(a_known_format_is_refused_by_name_unless_raw_is_forced)
{
	memcpy(plain->bytes + marks[_i].offset, marks[_i].bytes, marks[_i].length);
	assert_refused(plain, NULL, BS_FORMAT_UNSUPPORTED, marks[_i].text);
	assert_opens(plain, "raw", "raw", PAYLOAD);
}
END_TEST

START_TEST(a_short_file_is_recognised_too)
{
	memcpy(plain->bytes, "# Disk DescriptorFile\n", 22);
	plain->disk.size = 300;
	assert_refused(plain, NULL, BS_FORMAT_UNSUPPORTED, "VMDK");
}
END_TEST

START_TEST(a_partitioned_disk_that_once_held_an_iso_is_raw)
{
	memcpy(plain->bytes + 32769, "CD001", 5);
	plain->bytes[510] = 0x55;
	plain->bytes[511] = 0xaa;
	assert_opens(plain, NULL, "raw", PAYLOAD);
}
END_TEST

START_TEST(an_unknown_format_name_is_a_usage_error)
{
	assert_refused(plain, "qcow2", BS_USAGE, "qcow2");
	assert_refused(plain, "", BS_USAGE, "only raw and vhd");
}
END_TEST

START_TEST(an_error_of_the_container_comes_through)
{
	plain->failure = BS_IO;
	assert_refused(plain, NULL, BS_IO, "told to fail");
}
END_TEST

/* ---- real ones ---------------------------------------------------------------------------- */

static char image[] = "/tmp/bootshift-test-format.XXXXXX";

static void make_image(void)
{
	int descriptor = mkstemp(image);

	if (descriptor < 0)
		abort();
	close(descriptor);
}

static void remove_image(void)
{
	unlink(image);
}

/* Opens what qemu-img makes of a disk of 100 MiB; returns the code, and the disk's size. */
static enum bs_code open_made_by_qemu(const char *options, uint64_t *size)
{
	char command[200];
	struct bs_error err = {0};
	struct format format;
	struct stat status;
	struct disk *file;
	int descriptor;

	snprintf(command, sizeof(command), "qemu-img create -q -f vpc -o %s %s 100M", options,
		 image);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(image_open(image, &descriptor, &status, &err), 0);
	file = file_open(descriptor, &err);
	ck_assert_ptr_nonnull(file);
	if (format_open(file, NULL, &format, &err) == 0) {
		ck_assert_str_eq(format.name, "vhd");
		ck_assert_uint_eq(disk_size(format.disk), disk_size(file) - 512);
		*size = disk_size(format.disk);
		disk_close(format.disk);
	}
	disk_close(file);
	close(descriptor);
	return err.code;
}

START_TEST(a_fixed_vhd_made_by_qemu_is_opened)
{
	uint64_t size;

	ck_assert_int_eq(open_made_by_qemu("subformat=fixed,force_size=on", &size), BS_OK);
	ck_assert_uint_eq(size, 100u << 20);
	/* Rounded up to whole cylinders. */
	ck_assert_int_eq(open_made_by_qemu("subformat=fixed", &size), BS_OK);
	ck_assert_uint_ge(size, 100u << 20);
	ck_assert_uint_lt(size, 101u << 20);
}
END_TEST

START_TEST(a_dynamic_vhd_made_by_qemu_is_refused)
{
	uint64_t size;

	ck_assert_int_eq(open_made_by_qemu("subformat=dynamic", &size), BS_FORMAT_UNSUPPORTED);
}
END_TEST

Suite *format_suite(void);

Suite *format_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tcase = tcase_create("format");
	TCase *real = tcase_create("made by qemu-img");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_footer_of_a_fixed_vhd_is_decoded);
	tcase_add_test(tcase, a_flipped_bit_anywhere_in_a_footer_is_corruption);
	tcase_add_test(tcase, a_footer_of_another_length_version_or_type_is_corruption);
	tcase_add_test(tcase, a_fixed_vhd_is_its_payload);
	tcase_add_test(tcase, the_shorter_footer_of_old_virtual_pc_is_understood);
	tcase_add_test(tcase, a_fixed_vhd_stays_one_whatever_its_guest_writes_in_front);
	tcase_add_test(tcase, a_wrong_checksum_is_refused_unless_raw_is_forced);
	tcase_add_test(tcase, a_size_that_cannot_be_is_refused);
	tcase_add_test(tcase, a_saved_state_is_refused);
	tcase_add_test(tcase, dynamic_and_differencing_vhds_are_refused);
	tcase_add_test(tcase, dynamic_and_differencing_vhds_without_their_end_are_refused);
	tcase_add_test(tcase, what_has_no_mark_is_raw);
	tcase_add_test(tcase, a_raw_image_is_whole_sectors);
	tcase_add_loop_test(tcase, a_known_format_is_refused_by_name_unless_raw_is_forced, 0,
			    sizeof(marks) / sizeof(marks[0]));
	tcase_add_test(tcase, a_short_file_is_recognised_too);
	tcase_add_test(tcase, a_partitioned_disk_that_once_held_an_iso_is_raw);
	tcase_add_test(tcase, an_unknown_format_name_is_a_usage_error);
	tcase_add_test(tcase, an_error_of_the_container_comes_through);
	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(real, make_image, remove_image);
	tcase_add_test(real, a_fixed_vhd_made_by_qemu_is_opened);
	tcase_add_test(real, a_dynamic_vhd_made_by_qemu_is_refused);
	suite_add_tcase(suite, real);
	return suite;
}
