/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling formats apart, and disks that are directly in the container: raw disks and fixed VHDs. */
#include "format/vhd.h"
#include "unit/container-file.h"
#include "unit/fixed-footer.h"
#include "util/bytes.h"

#define PAYLOAD 65536u

/* A container with a payload and a footer, and a container with only a payload. */
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

static void assert_is(struct memory_disk *container, const char *forced, const char *name,
		      uint64_t size)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_msg(format_detect(&container->disk, forced, &format, &err) == 0, "%s",
		      err.message);
	ck_assert_str_eq(format.name, name);
	ck_assert_int_eq(format.access, FORMAT_DIRECT);
	ck_assert_uint_eq(format.offset, 0);
	ck_assert_uint_eq(format.length, size);
	ck_assert_uint_eq(format.disk_size, size);
}

static void assert_refused(struct memory_disk *container, const char *forced, enum bs_code code,
			   const char *text)
{
	struct bs_error err = {0};
	struct format format;

	ck_assert_int_eq(format_detect(&container->disk, forced, &format, &err), -1);
	ck_assert_str_eq(bs_code_name(err.code), bs_code_name(code));
	ck_assert_msg(strstr(err.message, text), "%s", err.message);
}

/* ---- VHD ---------------------------------------------------------------------------------- */

TEST_CASE(format_tests, "format", .setup = setup, .teardown = teardown);

TEST(format_tests, a_fixed_vhd_is_its_payload)
{
	assert_is(memory, NULL, "vhd", PAYLOAD);
	assert_is(memory, "vhd", "vhd", PAYLOAD);
}

TEST(format_tests, the_shorter_footer_of_old_virtual_pc_is_understood)
{
	memory->disk.size = PAYLOAD + 511;
	assert_is(memory, NULL, "vhd", PAYLOAD);
}

TEST(format_tests, a_fixed_vhd_stays_one_whatever_its_guest_writes_in_front)
{
	memcpy(memory->bytes, "QFI\xfb\0\0\0\3", 8);
	assert_is(memory, NULL, "vhd", PAYLOAD);
	memcpy(memory->bytes, "conectix", 8);
	assert_is(memory, NULL, "vhd", PAYLOAD);
}

TEST(format_tests, a_wrong_checksum_is_refused_unless_raw_is_forced)
{
	memory->bytes[510] = 0x55;
	memory->bytes[511] = 0xaa;
	memory->bytes[PAYLOAD + 30] ^= 1;
	assert_refused(memory, NULL, BS_VHD_CORRUPT, "checksum");
	assert_refused(memory, "vhd", BS_VHD_CORRUPT, "checksum");
	assert_is(memory, "raw", "raw", PAYLOAD + 512);
}

TEST(format_tests, a_size_that_cannot_be_is_refused)
{
	static const uint64_t sizes[] = {0, 511, 513, PAYLOAD + 512, UINT64_MAX - 511, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int byte = 0; byte < 8; byte++)
			memory->bytes[PAYLOAD + 48 + byte] = (uint8_t)(sizes[i] >> (56 - 8 * byte));
		correct_checksum(memory->bytes + PAYLOAD, 512);
		assert_refused(memory, NULL, BS_VHD_CORRUPT, "disk");
	}
}

TEST(format_tests, a_saved_state_is_refused)
{
	memory->bytes[PAYLOAD + 84] = 1;
	correct_checksum(memory->bytes + PAYLOAD, 512);
	assert_refused(memory, NULL, BS_VHD_SAVED_STATE, "saved state");
}

TEST(format_tests, a_vhd_without_its_end_is_refused)
{
	memcpy(plain->bytes, fixed_footer, 512);
	plain->bytes[63] = VHD_DYNAMIC;
	correct_checksum(plain->bytes, 512);
	assert_refused(plain, NULL, BS_VHD_CORRUPT, "cut short: there is no VHD footer");
	plain->bytes[20] ^= 1;
	assert_refused(plain, NULL, BS_VHD_CORRUPT, "cut short: there is no VHD footer");
}

/* ---- raw and others ----------------------------------------------------------------------- */

TEST(format_tests, what_has_no_mark_is_raw)
{
	assert_is(plain, NULL, "raw", PAYLOAD);
	plain->disk.size = 512;
	assert_is(plain, NULL, "raw", 512);
	assert_refused(plain, "vhd", BS_VHD_CORRUPT, "no VHD footer");
}

TEST(format_tests, a_raw_image_is_whole_sectors)
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

TEST(format_tests, a_disk_that_ends_within_a_sector_was_cut_short)
{
	memcpy(plain->bytes + 510, "\x55\xaa", 2);
	plain->disk.size = PAYLOAD - 1;
	assert_refused(plain, NULL, BS_DISK_CUT_SHORT, "the file was cut short");
}

static const struct {
	size_t offset;
	const char *bytes;
	size_t length;
	enum bs_code code;
	const char *text;
} marks[] = {
	{0, "QED\0", 4, BS_FORMAT_UNSUPPORTED, "QED"},
	{0, "\xbe\xba\xfe\xca\0\0\0\0", 8, BS_CONTAINER_PART, "SESparse"},
	{0, "COWD\1\0\0\0", 8, BS_CONTAINER_PART, "VMDK"},
	{0, "WithoutFreeSpace", 16, BS_FORMAT_UNSUPPORTED, "Parallels"},
	{0, "WithouFreSpacExt", 16, BS_FORMAT_UNSUPPORTED, "Parallels"},
	{0, "MSWIM\0\0\0", 8, BS_HOLDS_NO_DISK, "WIM"},
	{0, "EVF\x09\x0d\x0a\xff\x00", 8, BS_EWF, "EWF"},
	{0, "AFF10\r\n\0", 8, BS_AFF, "AFF"},
	{0, "\x1f\x8b\x08\x00", 4, BS_PACKED_GZIP, "gzip"},
	{0, "BZh9", 4, BS_PACKED_BZIP2, "bzip2"},
	{0, "\xfd\x37\x7a\x58\x5a\x00", 6, BS_PACKED_XZ, "xz"},
	{0, "\x28\xb5\x2f\xfd", 4, BS_PACKED_ZSTD, "zstd"},
	{0, "PK\x03\x04", 4, BS_CONTAINER_CORRUPT, "zip"},
	{0, "7z\xbc\xaf\x27\x1c", 6, BS_PACKED_7Z, "7z"},
	{257, "ustar", 5, BS_CONTAINER_CORRUPT, "tar"},
	{32769, "CD001", 5, BS_HOLDS_NO_DISK, "ISO 9660"},
};

TEST_EACH(format_tests, a_known_format_is_refused_by_name_unless_raw_is_forced, marks)
{
	memcpy(plain->bytes + marks[_i].offset, marks[_i].bytes, marks[_i].length);
	assert_refused(plain, NULL, marks[_i].code, marks[_i].text);
	assert_is(plain, "raw", "raw", PAYLOAD);
}

/* Good headers, made by qemu-img, that a guest can write to its first sector. */
static const struct {
	const char *name, *options;
	size_t length; /* number of bytes copied from the start of the file */
} headers[] = {
	{"qcow2", "", 65536}, {"vhdx", "", 65536},
	{"vmdk", "", 65536},  {"vmdk", "-o subformat=monolithicFlat", 300},
	{"vdi", "", 1024},
};

/* Fills the start of the container with a header, and with the parts of a guest's MBR. */
static void put_header(struct memory_disk *container, int index, bool with_boot_signature)
{
	struct memory_disk *made;

	IN_FOLDER("qemu-img create -q -f %s %s made 1M", headers[index].name,
		  headers[index].options);
	made = container_load("made");
	memset(container->bytes, 0, 512);
	memcpy(container->bytes, made->bytes, min_u64(headers[index].length, made->disk.size));
	if (with_boot_signature)
		memcpy(container->bytes + 510, "\x55\xaa", 2);
	disk_close(&made->disk);
}

TEST_EACH(format_tests, a_header_on_a_bootable_raw_disk_is_refused_unless_its_owner_decides,
	  headers)
{
	char part[40];

	put_header(plain, _i, true);
	snprintf(part, sizeof(part), "begins like a %s image", headers[_i].name);
	assert_refused(plain, NULL, BS_FORMAT_AMBIGUOUS, part);
	assert_is(plain, "raw", "raw", PAYLOAD);
	memcpy(plain->bytes, "conectix", 8);
	assert_refused(plain, NULL, BS_FORMAT_AMBIGUOUS, "begins like a");
}

TEST_EACH(format_tests, a_header_on_a_bootable_fixed_vhd_changes_nothing, headers)
{
	put_header(memory, _i, true);
	memcpy(memory->bytes + PAYLOAD, fixed_footer, 512); /* the header may be longer */
	assert_is(memory, NULL, "vhd", PAYLOAD);
}

/* The footer of a VHD in the guest's file system, or a footer that the guest wrote to deceive. */
TEST(format_tests, a_vhd_footer_at_the_end_of_another_container_changes_nothing)
{
	struct bs_error err = {0};
	struct memory_disk *made;
	struct format format;

	IN_FOLDER("qemu-img create -q -f qcow2 -o preallocation=full made 1M");
	made = container_load("made");
	memcpy(made->bytes + made->disk.size - 512, fixed_footer, 512);
	ck_assert_msg(format_detect(&made->disk, NULL, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, "qcow2");
	made->bytes[79] = 4; /* refused for another reason */
	assert_refused(made, NULL, BS_CONTAINER_SPLIT, "another file");
	made->bytes[79] = 0;
	made->bytes[23] = 99; /* damaged beyond use */
	ck_assert_int_eq(format_detect(&made->disk, NULL, &format, &err), 0);
	ck_assert_str_eq(format.name, "vhd");
	disk_close(&made->disk);
}

TEST(format_tests, what_takes_a_driver_is_described)
{
	struct bs_error err = {0};
	struct format format;

	IN_FOLDER("qemu-img create -q -f qcow2 made 1M");
	disk_close(&plain->disk);
	plain = container_load("made");
	ck_assert_msg(format_detect(&plain->disk, NULL, &format, &err) == 0, "%s", err.message);
	ck_assert_str_eq(format.name, "qcow2");
	ck_assert_str_eq(format.driver, "qcow2");
	ck_assert_ptr_null(format.driver_options);
	ck_assert_int_eq(format.access, FORMAT_DRIVER);
}

TEST(format_tests, a_forced_format_must_have_its_header)
{
	static const char *const names[] = {"vhdx", "qcow2", "vmdk", "vdi"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_refused(plain, names[i], BS_CONTAINER_CORRUPT, "there is no");
	assert_refused(plain, "vhd", BS_VHD_CORRUPT, "there is no");
	plain->disk.size = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_refused(plain, names[i], BS_CONTAINER_CORRUPT, "there is no");
}

TEST(format_tests, a_wrong_format_that_is_forced_is_not_blamed_on_the_image)
{
	plain->bytes[510] = 0x55;
	plain->bytes[511] = 0xaa;
	assert_refused(plain, "qcow2", BS_FORMAT_DIFFERS, "the format is raw, not qcow2");
	assert_refused(plain, "vhd", BS_FORMAT_DIFFERS, "the format is raw, not vhd");
	/* A fixed VHD without a boot signature holds no partitions as a raw disk either. */
	assert_refused(memory, "raw", BS_FORMAT_DIFFERS, "the format is vhd, not raw");
	assert_refused(memory, "vmdk", BS_FORMAT_DIFFERS, "the format is vhd, not vmdk");
	memory->bytes[510] = 0x55;
	memory->bytes[511] = 0xaa;
	assert_refused(memory, "vmdk", BS_FORMAT_DIFFERS, "the format is vhd, not vmdk");
	assert_is(memory, "raw", "raw", PAYLOAD + 512);
}

TEST(format_tests, a_partitioned_disk_that_once_held_an_iso_is_raw)
{
	memcpy(plain->bytes + 32769, "CD001", 5);
	plain->bytes[510] = 0x55;
	plain->bytes[511] = 0xaa;
	assert_is(plain, NULL, "raw", PAYLOAD);
}

TEST(format_tests, an_unknown_format_name_is_a_usage_error)
{
	assert_refused(plain, "QCOW2", BS_USAGE, "QCOW2");
	assert_refused(plain, "", BS_USAGE, "one of raw vhd vhdx qcow2 vmdk vdi");
}

TEST(format_tests, an_error_of_the_container_comes_through)
{
	plain->failure = BS_IO;
	assert_refused(plain, NULL, BS_IO, "told to fail");
}

TEST(format_tests, a_fixed_vhd_made_by_qemu_is_opened)
{
	struct bs_error err = {0};
	struct format format;

	IN_FOLDER("qemu-img create -q -f vpc -o subformat=fixed,force_size=on made 10M");
	container_assert("made", "vhd", FORMAT_DIRECT, 10 << 20);
	/* QEMU rounds the size up to whole cylinders. */
	IN_FOLDER("qemu-img create -q -f vpc -o subformat=fixed made 10M");
	ck_assert_int_eq(container_detect("made", &format, &err), 0);
	ck_assert_uint_ge(format.disk_size, 10u << 20);
	ck_assert_uint_lt(format.disk_size, 11u << 20);
	ck_assert_uint_eq(format.length, format.disk_size);
}
