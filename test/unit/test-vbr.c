/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codec of the NTFS boot record: kinds, fields, and replacing the code. */
#include "boot/vbr.h"
#include "unit/memory-disk.h"

static const uint8_t start_of_windows_7[] = {
	0xEB, 0x52, 0x90,                               /* 00 jump */
	'N',  'T',  'F',  'S',  ' ',  ' ',  ' ',  ' ',  /* 03 */
	0x00, 0x02,                                     /* 0B 512 bytes in a sector */
	0x08,                                           /* 0D 8 sectors in a cluster */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF8, /* 0E */
	0x00, 0x00, 0x3F, 0x00, 0xFF, 0x00,             /* 16 63 in a track, 255 heads */
	0x00, 0x28, 0x03, 0x00,                         /* 1C hidden sectors 206848 */
	0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x80, 0x00, /* 20 */
	0xFF, 0xCF, 0xBC, 0x00, 0x00, 0x00, 0x00, 0x00, /* 28 sectors 12374015 */
	0x00, 0x00, 0x0C, 0x00, 0x00, 0x00, 0x00, 0x00, /* 30 $MFT */
};
/* The name of the loader, with its length in front. */
static const uint8_t bootmgr[] = "\7\0B\0O\0O\0T\0M\0G\0R";
static const uint8_t ntldr[] = "\5\0N\0T\0L\0D\0R";

/*
 * Makes boot code as long as that of Windows 7, with a call that reads a disk in its first sector.
 */
static void make_record(uint8_t record[VBR_SIZE], const uint8_t *loader, size_t length,
			size_t offset)
{
	memset(record, 0, VBR_SIZE);
	memset(record + 0x54, 0x90, 0x1028 - 0x54);
	memcpy(record, start_of_windows_7, sizeof(start_of_windows_7));
	memcpy(record + 0x1FC, "\xCD\x13", 2);
	memcpy(record + offset, loader, length);
	record[0x1FE] = 0x55;
	record[0x1FF] = 0xAA;
}

static enum vbr_kind kind_of(const uint8_t *record)
{
	struct vbr vbr;

	vbr_parse(record, &vbr);
	return vbr.kind;
}

TEST_CASE(vbr_tests, "codec");

TEST(vbr_tests, the_fields_are_read_from_these_bytes)
{
	uint8_t record[VBR_SIZE];
	struct vbr vbr;

	make_record(record, bootmgr, 16, 0x200);
	vbr_parse(record, &vbr);
	ck_assert_int_eq(vbr.kind, VBR_BOOTMGR);
	ck_assert_uint_eq(vbr.bytes_per_sector, 512);
	ck_assert_uint_eq(vbr.cluster_size, 4096);
	ck_assert_uint_eq(vbr.hidden_sectors, 206848);
	ck_assert_uint_eq(vbr.sectors, 12374015);
}

TEST(vbr_tests, the_loaders_name_tells_the_kind_wherever_it_is_in_the_record)
{
	uint8_t record[VBR_SIZE];

	make_record(record, bootmgr, 16, VBR_SIZE - 16);
	ck_assert_int_eq(kind_of(record), VBR_BOOTMGR);
	make_record(record, ntldr, 12, 0x200);
	ck_assert_int_eq(kind_of(record), VBR_NTLDR);
	make_record(record, bootmgr, 14, 0x200); /* a part of the name */
	ck_assert_int_eq(kind_of(record), VBR_OTHER);
	make_record(record, bootmgr + 2, 14, 0x200); /* text without a length in front */
	ck_assert_int_eq(kind_of(record), VBR_OTHER);
}

TEST(vbr_tests, a_first_sector_that_does_not_load_the_rest_starts_nothing)
{
	/* The boot code of mkntfs: it prints a text, waits for a key, and restarts the BIOS. */
	static const uint8_t mkntfs[] = {0x0E, 0x1F, 0xBE, 0x71, 0x7C, 0xAC, 0x22, 0xC0, 0x74, 0x0B,
					 0x56, 0xB4, 0x0E, 0xBB, 0x07, 0x00, 0xCD, 0x10, 0x5E, 0xEB,
					 0xF0, 0x32, 0xE4, 0xCD, 0x16, 0xCD, 0x19, 0xEB, 0xFE};
	uint8_t record[VBR_SIZE];

	for (size_t i = 0; i < 3; i++) { /* the jump leads elsewhere */
		make_record(record, bootmgr, 16, 0x200);
		record[i]++;
		ck_assert_int_eq(kind_of(record), VBR_OTHER);
	}
	make_record(record, bootmgr, 16, 0x200);
	memset(record + 0x54, 0, 0x1FE - 0x54);
	ck_assert_int_eq(kind_of(record), VBR_OTHER);
	memcpy(record + 0x54, mkntfs, sizeof(mkntfs));
	ck_assert_int_eq(kind_of(record), VBR_OTHER);
	make_record(record, ntldr, 12, 0x200);
	memset(record + 0x54, 0, 0x1FE - 0x54);
	ck_assert_int_eq(kind_of(record), VBR_OTHER);
}

TEST(vbr_tests, a_lost_sector_of_the_code_is_seen)
{
	uint8_t record[VBR_SIZE];

	for (size_t i = 1; i < 16; i++) {
		make_record(record, bootmgr, 16, i == 1 ? 0x400 : 0x200);
		memcpy(record + 0x300, ntldr, 12); /* the code has both names */
		memset(record + i * 512, 0, 512);
		ck_assert_int_eq(kind_of(record), i < 8 ? VBR_OTHER : VBR_BOOTMGR);
	}
}

TEST(vbr_tests, code_of_windows_xp_may_be_shorter)
{
	uint8_t record[VBR_SIZE];

	make_record(record, ntldr, 12, 0x200);
	memset(record + 7 * 512, 0, 512);
	ck_assert_int_eq(kind_of(record), VBR_NTLDR);
}

TEST(vbr_tests, bitlocker_and_what_is_no_ntfs_are_seen)
{
	uint8_t record[VBR_SIZE];

	make_record(record, bootmgr, 16, 0x200);
	memcpy(record + 3, "-FVE-FS-", 8);
	ck_assert_int_eq(kind_of(record), VBR_BITLOCKER);
	memcpy(record + 3, "MSDOS5.0", 8);
	ck_assert_int_eq(kind_of(record), VBR_NOT_NTFS);
	make_record(record, bootmgr, 16, 0x200);
	record[0x1FF] = 0;
	ck_assert_int_eq(kind_of(record), VBR_NOT_NTFS);
	memset(record, 0, VBR_SIZE);
	ck_assert_int_eq(kind_of(record), VBR_NOT_NTFS);
}

TEST(vbr_tests, a_cluster_may_have_a_negative_power_of_two_of_sectors)
{
	static const struct {
		uint8_t byte;
		uint64_t size;
	} cases[] = {{1, 512},           {0x80, 65536}, {0xF8, 131072}, {0xF4, 2097152},
		     {0xF0, 512u << 16}, {0x81, 0},     {0, 0}};
	uint8_t record[VBR_SIZE];
	struct vbr vbr;

	make_record(record, bootmgr, 16, 0x200);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record[0x0D] = cases[i].byte;
		vbr_parse(record, &vbr);
		ck_assert_uint_eq(vbr.cluster_size, cases[i].size);
	}
}

TEST(vbr_tests, sectors_and_clusters_that_cannot_be_read_are_told)
{
	static const struct {
		uint16_t sector;
		uint32_t cluster;
		bool bootmgr, boot_code; /* who can read it */
	} cases[] = {
		{512, 512, true, true}, {512, 65536, true, true},   {512, 131072, true, false},
		{512, 0, true, false},  {4096, 4096, false, false}, {0, 0, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vbr vbr = {.kind = VBR_BOOTMGR,
					.bytes_per_sector = cases[i].sector,
					.cluster_size = cases[i].cluster};

		ck_assert_int_eq(vbr_sector_misfit(&vbr) == NULL, cases[i].bootmgr);
		ck_assert_int_eq(vbr_misfit(&vbr) == NULL, cases[i].boot_code);
	}
}

TEST(vbr_tests, a_transplant_takes_all_code_and_keeps_the_parameter_block)
{
	uint8_t record[VBR_SIZE], donor[VBR_SIZE];

	memset(record, 0x11, sizeof(record));
	memset(donor, 0x22, sizeof(donor));
	vbr_transplant(record, donor, 0x44332211);
	for (size_t i = 0; i < VBR_SIZE; i++) {
		uint8_t expected = i >= 0x0B && i < 0x54 ? 0x11 : 0x22;

		if (i >= 0x1C && i < 0x20)
			expected = (uint8_t)((i - 0x1C + 1) * 0x11);
		ck_assert_msg(record[i] == expected, "byte %zx is %02x", i, record[i]);
	}
}

TEST(vbr_tests, a_record_can_be_its_own_donor)
{
	uint8_t record[VBR_SIZE], before[VBR_SIZE];

	make_record(record, bootmgr, 16, 0x200);
	memcpy(before, record, sizeof(before));
	vbr_transplant(record, record, 2048);
	ck_assert_mem_eq(record + VBR_HIDDEN_SECTORS_OFFSET, "\0\10\0\0", 4);
	memcpy(before + VBR_HIDDEN_SECTORS_OFFSET, "\0\10\0\0", 4);
	ck_assert_mem_eq(record, before, sizeof(before));
}

/* ---- FAT ----------------------------------------------------------------------------------- */

static void make_fat(uint8_t record[VBR_SIZE], bool is_32)
{
	/* 512 bytes in a sector, 8 sectors in a cluster, 32 reserved, two tables */
	static const uint8_t common[] = {0xEB, 0x58, 0x90, 'M', 'S', 'D', 'O', 'S', '5',
					 '.',  '0',  0,    2,   8,   32,  0,   2};

	memset(record, 0, VBR_SIZE);
	memcpy(record, common, sizeof(common));
	memcpy(record + 0x1C, "\0\10\0\0\0\40\3", 7); /* sector 2048; 204800 sectors */
	if (is_32)
		memcpy(record + 0x24, "\310", 1); /* 200 sectors of a table */
	else
		memcpy(record + 0x16, "\310", 1);
	memcpy(record + (is_32 ? 0x52 : 0x36), is_32 ? "FAT32   " : "FAT16   ", 8);
	memcpy(record + 0x1FE, "\x55\xAA", 2);
}

TEST_LOOP(vbr_tests, the_fields_of_fat_are_read_from_these_bytes, 0, 2)
{
	uint8_t record[VBR_SIZE];
	struct vbr vbr;

	make_fat(record, _i);
	vbr_parse(record, &vbr);
	ck_assert_int_eq(vbr.kind, VBR_FAT_OTHER);
	ck_assert(vbr_is_fat(vbr.kind));
	ck_assert_uint_eq(vbr.bytes_per_sector, 512);
	ck_assert_uint_eq(vbr.cluster_size, 4096);
	ck_assert_uint_eq(vbr.hidden_sectors, 2048);
	ck_assert_uint_eq(vbr.sectors, 204800);
	ck_assert_uint_eq(vbr.fat_end, (32 + 200) * 512);
	ck_assert(!vbr.is_dirty);
	record[_i ? 0x41 : 0x25] = 1;
	memcpy(record + 0x170, "BOOTMGR    ", 11);
	vbr_parse(record, &vbr);
	ck_assert_int_eq(vbr.kind, VBR_FAT_BOOTMGR);
	ck_assert(vbr.is_dirty);
	record[0x1FE] = 0;
	ck_assert_int_eq(kind_of(record), VBR_FAT_OTHER);
}

TEST(vbr_tests, every_kind_has_a_text_of_its_own)
{
	for (int a = VBR_NOT_NTFS; a < VBR_KIND_COUNT; a++)
		for (int b = VBR_NOT_NTFS; b < a; b++)
			ck_assert_str_ne(vbr_kind_text((enum vbr_kind)a),
					 vbr_kind_text((enum vbr_kind)b));
}
