/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file's entry in a folder of a FAT volume. */
#include <stdio.h>
#include <string.h>

#include "appliance/fat-entry.h"
#include "support/test.h"

/* FILETIME of 2010-11-20 00:00:00 UTC. */
#define DAY    129346848000000000ull
#define SECOND 10000000ull

/* "BOOTMG~1.MUI": read-only, hidden, system, archive; made 2010-11-20 21:29:07.33, changed at
 * 21:29:06, read on 2010-11-21. */
static const uint8_t good[FAT_ENTRY_SIZE] = {
	'B', 'O', 'O', 'T', 'M', 'G', '~', '1', 'M', 'U', 'I', 0x27, 0, 133, 0xA3, 0xAB,
	'!', 0,   0,   0,   0,   0,   0,   0,   0,   0,   3,   0,    0, 0,   0,    0};

static uint8_t entry[FAT_ENTRY_SIZE];
static struct volume_metadata metadata;

static void make_entry(const char *name)
{
	memcpy(entry, good, sizeof(entry));
	memcpy(entry + 0x10, "\x74\x3D", 2); /* 2010-11-20 */
	memcpy(entry + 0x12, "\x75\x3D", 2);
	memcpy(entry + 0x16, "\xA3\xAB", 2); /* 21:29:06 */
	memcpy(entry + 0x18, "\x74\x3D", 2);
	metadata = (struct volume_metadata){.size = 7};
	snprintf(metadata.name, sizeof(metadata.name), "%s", name);
}

TEST_CASE(fat_entry, "codec");

TEST(fat_entry, attributes_times_and_names_are_read_from_these_bytes)
{
	uint64_t changed = DAY + (21 * 3600 + 29 * 60 + 6) * SECOND;

	make_entry("bootmgr.exe.mui");
	ck_assert(fat_entry_describe(entry, &metadata));
	ck_assert_uint_eq(metadata.attributes, 0x27);
	ck_assert(!metadata.is_folder && !metadata.is_metadata);
	ck_assert_uint_eq(metadata.links, 1);
	ck_assert_uint_eq(metadata.modified, changed);
	ck_assert_uint_eq(metadata.changed, changed);
	ck_assert_uint_eq(metadata.created, changed + SECOND + 33 * SECOND / 100);
	ck_assert_uint_eq(metadata.accessed, DAY + 86400 * SECOND);
	ck_assert_str_eq(metadata.name, "bootmgr.exe.mui");
	ck_assert_str_eq(metadata.short_name, "BOOTMG~1.MUI");
	ck_assert_int_eq(metadata.name_space, NAMESPACE_WIN32);
	ck_assert_uint_eq(metadata.size, 7);
}

TEST(fat_entry, a_folder_has_no_attribute_of_its_own)
{
	make_entry("x");
	entry[0x0B] = 0x10;
	ck_assert(fat_entry_describe(entry, &metadata));
	ck_assert(metadata.is_folder);
	ck_assert_uint_eq(metadata.attributes, 0);
}

TEST(fat_entry, a_name_that_is_its_own_short_name_has_no_separate_one)
{
	make_entry("bootmgr");
	memcpy(entry, "BOOTMGR    ", 11);
	ck_assert(fat_entry_describe(entry, &metadata));
	ck_assert_int_eq(metadata.name_space, NAMESPACE_WIN32_AND_DOS);
	ck_assert_str_eq(metadata.short_name, "");
}

/* Which character a byte above 0x7F is depends on a code page that nobody knows. */
TEST(fat_entry, a_short_name_outside_of_ascii_is_left_out)
{
	make_entry("m\xC3\xBCll.txt");
	memcpy(entry, "M\x9ALL    TXT", 11);
	ck_assert(fat_entry_describe(entry, &metadata));
	ck_assert_int_eq(metadata.name_space, NAMESPACE_WIN32);
	ck_assert_str_eq(metadata.short_name, "");
}

TEST(fat_entry, a_time_that_is_not_valid_is_that_of_the_change)
{
	make_entry("x");
	memset(entry + 0x0D, 0, 7);              /* never created nor read */
	memcpy(entry + 0x16, "\0\0\xFF\xFF", 4); /* month 15 */
	ck_assert(fat_entry_describe(entry, &metadata));
	ck_assert_uint_eq(metadata.modified, 119600064000000000ull); /* 1980-01-01 */
	ck_assert_uint_eq(metadata.created, metadata.modified);
	ck_assert_uint_eq(metadata.accessed, metadata.modified);
}

TEST(fat_entry, leap_days_are_counted)
{
	static const struct {
		uint16_t date;
		uint64_t days; /* since 1601 */
	} dates[] = {
		{0 << 9 | 2 << 5 | 29, 138426 + 59}, /* 1980-02-29 */
		{0 << 9 | 3 << 5 | 1, 138426 + 60},  /* 1980-03-01 */
		{20 << 9 | 3 << 5 | 1, 145791},      /* 2000-03-01 */
		{120 << 9 | 3 << 5 | 1, 182315},     /* 2100-03-01, after no leap day */
		{127 << 9 | 12 << 5 | 31, 185176},   /* 2107-12-31 */
	};

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		make_entry("x");
		entry[0x12] = (uint8_t)dates[i].date;
		entry[0x13] = (uint8_t)(dates[i].date >> 8);
		ck_assert(fat_entry_describe(entry, &metadata));
		ck_assert_uint_eq(metadata.accessed / SECOND / 86400, dates[i].days);
	}
}

TEST(fat_entry, what_is_no_file_is_not_described)
{
	make_entry("x");
	entry[0] = 0xE5;
	ck_assert(!fat_entry_describe(entry, &metadata));
	entry[0] = 0;
	ck_assert(!fat_entry_describe(entry, &metadata));
	make_entry("x");
	entry[0x0B] = 0x0F; /* a part of a long name */
	ck_assert(!fat_entry_describe(entry, &metadata));
}
