/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of a disk has the files of the boot chain, wherever a volume keeps their content. */
#include "windows/map.h"

#include <stdio.h>
#include <string.h>

#include "support/sample.h"
#include "support/test.h"

static struct sample sample;
static struct survey *survey;
static struct places places;
static const struct bs_options no_options;

static void teardown(void)
{
	places_free(&places);
	places = (struct places){0};
	survey_free(survey);
	free(survey);
	survey = NULL;
	sample_close(&sample);
}

static void map_disk(const struct bs_plan *plan)
{
	struct bs_error err;

	survey = sample_survey(&sample, &no_options);
	ASSERT_OK(map_make(&sample.engine, &survey->facts, plan, &places, &err));
	ck_assert(places_seal(&places));
}

static void map_small(const char *name, const char *more)
{
	sample_open_small(&sample, name, more);
	map_disk(NULL);
}

/* Returns the first bytes of the first range of a place, as a string. */
static const char *start_of(enum bs_place place)
{
	static char bytes[17];
	struct bs_error err;

	ck_assert_uint_gt(places_sectors(&places, place), 0);
	ASSERT_OK(disk_read(sample.disk, places.ranges.items[places.start[place]].range.offset,
			    bytes, sizeof(bytes) - 1, &err));
	return bytes;
}

TEST_CASE(maps, "map", .teardown = teardown);

TEST(maps, the_files_of_a_sample_lie_where_the_map_says)
{
	map_small("map", "file \\Windows\\System32\\config\\SYSTEM text=regf size=200000\n");
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_TABLE), 512);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_BOOT_RECORD), 8192);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_BOOTMGR), 300000);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_LOADER), 60000);
	ck_assert_int_eq(strncmp(start_of(BS_PLACE_LOADER), "MZ", 2), 0);
	ck_assert_int_eq(strncmp(start_of(BS_PLACE_BCD), "regf", 4), 0);
	ck_assert_int_eq(strncmp(start_of(BS_PLACE_FILE_SYSTEM), "FILE", 4), 0);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_WINDOWS), 200000);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_OLD_SYSTEM), 0);
	ck_assert_uint_eq(places.subjects[BS_PLACE_BOOTMGR].partition, 1);
	ck_assert_uint_eq(places.subjects[BS_PLACE_LOADER].partition, 2);
	ck_assert_uint_eq(places.loader_volume, SAMPLE_BOOT_START);
	ck_assert(places.has_active && places.has_default && places.has_windows);
	ck_assert(!places.is_tool && !places.windows_resident);
}

TEST(maps, after_a_fix_the_files_lie_on_the_boot_volume_and_the_rest_is_the_old_partition)
{
	struct bs_plan *plan;

	sample_open_small(&sample, "map-fixed", "");
	plan = sample_plan(&sample);
	sample_stage(&sample, plan);
	map_disk(plan);
	ck_assert_uint_eq(places.subjects[BS_PLACE_BOOTMGR].partition, 2);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_BOOTMGR), 300000);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_OLD_RECORD), 8192);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_OLD_SYSTEM), SAMPLE_SYSTEM_SIZE - 8192);
	ck_assert_uint_eq(places.subjects[BS_PLACE_OLD_SYSTEM].partition, 1);
	bs_plan_free(plan);
}

TEST(maps, a_small_file_is_found_in_its_record)
{
	map_small("map-small", "file \\Windows\\System32\\config\\SYSTEM text=regf\n");
	ck_assert(places.windows_resident);
	ck_assert_int_eq(strncmp(start_of(BS_PLACE_WINDOWS), "FILE", 4), 0);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_WINDOWS), 1024);
}

TEST(maps, a_compressed_file_has_fewer_bytes_than_its_length)
{
	map_small("map-compressed",
		  "file \\Windows\\System32\\ntoskrnl.exe size=300000 attributes=c\n");
	ck_assert_uint_gt(places_bytes(&places, BS_PLACE_WINDOWS), 0);
	ck_assert(!places.windows_resident);
}

TEST(maps, a_disk_without_store_and_loader_has_a_map_of_the_rest)
{
	map_small("map-broken", "on system\nremove \\Boot\\BCD\n");
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_BOOTMGR), 300000);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_BCD), 0);
	ck_assert_str_eq(places.subjects[BS_PLACE_BCD].path, "\\Boot\\BCD");
	ck_assert(!places.has_default);
}

TEST(maps, an_entry_that_names_a_partition_without_windows)
{
	map_small("map-old-entry", "hive bcd\nobject {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"
				   "element 11000001 partition system\n");
	ck_assert(places.has_default && !places.has_windows);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_LOADER), 0);
	ck_assert_uint_eq(places.subjects[BS_PLACE_LOADER].partition, 1);
}

TEST(maps, a_tool_as_default_entry)
{
	map_small("map-tool", "hive bcd\nobject {bootmgr}\n"
			      "element 23000003 object {memdiag}\n");
	ck_assert(places.is_tool);
	ck_assert_uint_eq(places_bytes(&places, BS_PLACE_LOADER), 40000);
	ck_assert_str_eq(places.subjects[BS_PLACE_LOADER].path, "\\boot\\memtest.exe");
}
