/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codec of the master boot record, with its exact bytes. */
#include <stdio.h>

#include "boot/mbr.h"
#include "unit/memory-disk.h"

/* The layout of a Windows 7 disk: 100 MiB, active, then the rest of the disk. */
static const uint8_t table[] = {
	0x03, 0x6C, 0x3B, 0xA3,                         /* 1B8 disk signature A33B6C03 */
	0x00, 0x00,                                     /* 1BC */
	0x80, 0x20, 0x21, 0x00, 0x07, 0xDF, 0x13, 0x0C, /* 1BE active, NTFS */
	0x00, 0x08, 0x00, 0x00, 0x00, 0x20, 0x03, 0x00, /*     LBA 2048, 204800 sectors */
	0x00, 0xDF, 0x14, 0x0C, 0x07, 0xFE, 0xFF, 0xFF, /* 1CE NTFS */
	0x00, 0x28, 0x03, 0x00, 0x00, 0xD0, 0xBC, 0x00, /*     LBA 206848, 12374016 sectors */
	0x12, 0x00, 0x00, 0x00, 0x0F, 0x00, 0x00, 0x00, /* 1DE flag 12, extended */
	0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, /*     the largest numbers */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 1EE empty */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* */
	0x55, 0xAA,                                     /* 1FE */
};

static void make_sector(uint8_t sector[SECTOR_SIZE])
{
	memset(sector, 0, SECTOR_SIZE);
	memcpy(sector + 0x1B8, table, sizeof(table));
}

TEST_CASE(mbr_tests, "codec");

TEST(mbr_tests, a_table_is_read_from_these_bytes)
{
	uint8_t sector[SECTOR_SIZE];
	struct mbr mbr;

	make_sector(sector);
	ck_assert(mbr_parse(sector, &mbr));
	ck_assert_uint_eq(mbr.disk_signature, 0xA33B6C03);
	ck_assert_uint_eq(mbr.entries[0].flag, MBR_ACTIVE);
	ck_assert_uint_eq(mbr.entries[0].type, MBR_TYPE_NTFS);
	ck_assert_uint_eq(mbr.entries[0].first_lba, 2048);
	ck_assert_uint_eq(mbr.entries[0].sectors, 204800);
	ck_assert_uint_eq(mbr.entries[1].flag, 0);
	ck_assert_uint_eq(mbr.entries[1].first_lba, 206848);
	ck_assert_uint_eq(mbr.entries[1].sectors, 12374016);
	ck_assert_uint_eq(mbr.entries[2].flag, 0x12);
	ck_assert_uint_eq(mbr.entries[2].type, MBR_TYPE_EXTENDED_LBA);
	ck_assert_uint_eq(mbr.entries[2].first_lba, 0xFFFFFFFF);
	ck_assert_uint_eq(mbr.entries[2].sectors, 0xFFFFFFFE);
	ck_assert_uint_eq(mbr.entries[3].type, MBR_TYPE_EMPTY);
}

TEST(mbr_tests, a_sector_without_its_signature_is_no_table)
{
	uint8_t sector[SECTOR_SIZE];
	struct mbr mbr;

	make_sector(sector);
	sector[0x1FE] = 0;
	ck_assert(!mbr_parse(sector, &mbr));
	make_sector(sector);
	sector[0x1FF] = 0x55;
	ck_assert(!mbr_parse(sector, &mbr));
}

static enum mbr_code code_of(const uint8_t *sector)
{
	struct mbr mbr;

	ck_assert(mbr_parse(sector, &mbr));
	ck_assert_str_ne(mbr_code_text(mbr.code), "");
	return mbr.code;
}

TEST(mbr_tests, one_byte_before_the_signature_is_code_and_none_behind_it)
{
	uint8_t sector[SECTOR_SIZE];

	make_sector(sector);
	ck_assert_int_eq(code_of(sector), MBR_CODE_NONE);
	sector[MBR_CODE_SIZE - 1] = 0x90;
	ck_assert_int_eq(code_of(sector), MBR_CODE_OTHER);
}

/* The places where GRUB 2, GRUB 1, and LILO 22 and older have their names. */
static const struct {
	size_t at;
	const char *text;
	enum mbr_code code;
} codes[] = {
	{0x180, "GRUB \0Geom", MBR_CODE_GRUB},
	{MBR_CODE_SIZE - 4, "GRUB", MBR_CODE_GRUB},
	{MBR_CODE_SIZE - 3, "GRUB", MBR_CODE_OTHER}, /* the name is partly outside the code */
	{6, "LILO", MBR_CODE_LILO},
	{2, "LILO", MBR_CODE_LILO},
	{100, "LILO", MBR_CODE_OTHER},
	{0x163, "Missing operating system", MBR_CODE_OTHER},
};

TEST_EACH(mbr_tests, code_that_starts_something_of_its_own_is_known_by_its_name, codes)
{
	uint8_t sector[SECTOR_SIZE];

	make_sector(sector);
	memset(sector, 0x90, MBR_CODE_SIZE);
	memcpy(sector + codes[_i].at, codes[_i].text, strlen(codes[_i].text));
	ck_assert_int_eq(code_of(sector), codes[_i].code);
}

/* The first bytes of boot code that starts the active partition, up to where it reads the table. */
static const struct {
	const char *start, *message;
} known[] = {
	/* Windows 95B and 98; 2000, XP and 2003 */
	{"33C08ED0BC007CFB5007501FFCBE1B7CBF1B065057B9E501F3A4CBBEBE07B104", ""},
	{"33C08ED0BC007CFB5007501FFCBE1B7CBF1B065057B9E501F3A4CBBDBE07B104", ""},
	/* Windows Vista, 7, 8, 10 and 11 */
	{"33C08ED0BC007C8EC08ED8BE007CBF0006B90002FCF3A450681C06CBFBB90400BDBE07", ""},
	/*
	 * mbr.bin of syslinux 6.  altmbr.bin has the same start, but starts a partition that was
	 * set
	 */
	{"33C0FA8ED88ED0BC007C89E606578EC0FBFCBF0006B90001F3A5EA1F0600005252B441BBAA55",
	 "Multiple active partitions.\r\n"},
	/* parted and GParted: the complete code */
	{"FAB800108ED0BC00B0B800008ED88EC0FBBE007CBF0006B90002F3A4EA21060000"
	 "BEBE073804750B83C61081FEFE0775F3EB16B402B001BB007CB2808A74018B4C02CD13EA007C0000EBFE",
	 ""},
};

/* Boot code with this start, followed by a message and a call that reads a disk. */
static void make_known(uint8_t sector[SECTOR_SIZE], int i)
{
	make_sector(sector);
	for (size_t at = 0; known[i].start[2 * at] != '\0'; at++)
		ck_assert_int_eq(sscanf(known[i].start + 2 * at, "%2hhx", &sector[at]), 1);
	memcpy(sector + 0x100, known[i].message, strlen(known[i].message));
	memcpy(sector + 0x180, "\xCD\x13", 2);
}

TEST_EACH(mbr_tests, code_that_starts_the_active_partition_is_known_by_its_beginning, known)
{
	uint8_t sector[SECTOR_SIZE];

	make_known(sector, _i);
	ck_assert_int_eq(code_of(sector), MBR_CODE_STANDARD);
	for (size_t at = 0; at < 27; at++) {
		make_known(sector, _i);
		sector[at] ^= 1;
		ck_assert_int_eq(code_of(sector), MBR_CODE_OTHER);
	}
	make_known(sector, _i);
	memcpy(sector, "\xFA\xF4\xEB\xFDNot a system disk\r\n", 22);
	ck_assert_int_eq(code_of(sector), MBR_CODE_OTHER);
}

TEST_EACH(mbr_tests, a_known_beginning_without_the_rest_is_not_known, known)
{
	uint8_t sector[SECTOR_SIZE];

	make_known(sector, _i);
	memset(sector + 40, 0, MBR_CODE_SIZE - 40);
	ck_assert_int_eq(code_of(sector), MBR_CODE_OTHER);
	make_known(sector, _i);
	sector[0x100]++;
	ck_assert_int_eq(code_of(sector),
			 known[_i].message[0] == '\0' ? MBR_CODE_STANDARD : MBR_CODE_OTHER);
}

TEST(mbr_tests, the_flags_lie_where_the_table_has_them)
{
	static const uint32_t offsets[MBR_ENTRIES] = {0x1BE, 0x1CE, 0x1DE, 0x1EE};

	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		ck_assert_uint_eq(MBR_FLAG_OFFSET(i), offsets[i]);
}

TEST(mbr_tests, three_types_are_extended_partitions)
{
	for (unsigned type = 0; type < 256; type++)
		ck_assert_int_eq(mbr_is_extended((uint8_t)type),
				 type == 0x05 || type == 0x0F || type == 0x85);
}
