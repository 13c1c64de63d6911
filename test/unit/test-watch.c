/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Traces of starts are read right.  The traces are as real Windows 7 and 10 make them; each test
 * changes one thing.
 */
#include "start/watch.h"

#include "support/test.h"

#define MIB (1ull << 20)

/* A fixed disk: partition 1 from 1 MiB to 101 MiB is the old system partition, 2 follows it. */
#define OLD     (1 * MIB)
#define VOLUME  (101 * MIB)
#define MFT     (VOLUME + 64 * MIB)
#define ROOT    (VOLUME + 1 * MIB)
#define BOOTMGR (VOLUME + 2 * MIB)
#define FONT    (VOLUME + 3 * MIB)
#define STATUS  (VOLUME + 4 * MIB)
#define BCD     (VOLUME + 5 * MIB)
#define MUI     (VOLUME + 6 * MIB)
#define LOADER  (VOLUME + 8 * MIB) /* in two pieces */
#define HIVE    (VOLUME + 12 * MIB)
#define FOLDER  (VOLUME + 20 * MIB) /* in no place */

#define BOOTMGR_SIZE 383786u
#define PIECE        300000u
#define LOADER_SIZE  (2 * PIECE)

static struct places places;
static struct bs_start start;
static struct watch *watch;
static uint64_t now; /* microseconds */

static void put(enum bs_place place, uint64_t offset, uint64_t length)
{
	struct bs_error err;

	ck_assert_int_eq(places_add(&places, place, (struct range){offset, length}, &err), 0);
}

static void name(enum bs_place place, uint32_t partition, const char *path)
{
	places.subjects[place].partition = partition;
	strcpy(places.subjects[place].path, path);
}

static void setup(void)
{
	places = (struct places){.loader_volume = VOLUME,
				 .has_active = true,
				 .has_default = true,
				 .has_windows = true};
	put(BS_PLACE_TABLE, 0, 512);
	put(BS_PLACE_BOOT_RECORD, VOLUME, 8192);
	put(BS_PLACE_FILE_SYSTEM, MFT, 256 * 1024);
	put(BS_PLACE_FILE_SYSTEM, ROOT, 4096);
	put(BS_PLACE_FONTS, FONT, 47452);
	put(BS_PLACE_STATUS, STATUS, 65536);
	put(BS_PLACE_MESSAGES, MUI, 85056);
	put(BS_PLACE_OLD_RECORD, OLD, 8192);
	put(BS_PLACE_OLD_SYSTEM, OLD + 8192, 100 * MIB - 8192);
	name(BS_PLACE_BOOT_RECORD, 2, "");
	name(BS_PLACE_BOOTMGR, 2, "\\bootmgr");
	name(BS_PLACE_BCD, 2, "\\Boot\\BCD");
	name(BS_PLACE_LOADER, 2, "\\Windows\\system32\\winload.exe");
	name(BS_PLACE_WINDOWS, 2, "\\Windows\\System32\\config\\SYSTEM");
	name(BS_PLACE_OLD_SYSTEM, 1, "");
	now = 400000;
}

static void put_bootmgr(void)
{
	put(BS_PLACE_BOOTMGR, BOOTMGR, BOOTMGR_SIZE);
}

static void put_bcd(void)
{
	put(BS_PLACE_BCD, BCD, 32768);
}

static void put_loader(void)
{
	put(BS_PLACE_LOADER, LOADER, PIECE);
	put(BS_PLACE_LOADER, LOADER + 1 * MIB, PIECE);
}

static void open_watch(bool strict)
{
	struct bs_error err;

	ck_assert(places_seal(&places));
	watch = watch_open(&places, strict, &start, &err);
	ck_assert_ptr_nonnull(watch);
}

static void open_whole(void)
{
	put_bootmgr();
	put_bcd();
	put_loader();
	put(BS_PLACE_WINDOWS, HIVE, 256 * 1024);
	open_watch(true);
}

static void teardown(void)
{
	watch_free(watch);
	places_free(&places);
	watch = NULL;
}

static void take(uint64_t offset, uint64_t length)
{
	const struct watch_access access = {
		.microseconds = now, .offset = offset, .length = length};

	now += 1500;
	watch_take(watch, &access);
}

/* Reads in pieces of 32 KiB, as bootmgr does. */
static void read_file(uint64_t offset, uint64_t length)
{
	for (uint64_t done = 0; done < length; done += 32768)
		take(offset + done, min_u64(length - done, 32768));
}

static void read_records(void)
{
	take(0, 512);
	for (uint64_t i = 0; i < 16; i++)
		take(VOLUME + i * 512, 512);
	take(MFT, 4096);
	take(ROOT, 4096);
}

static void read_up_to_bootmgr(void)
{
	read_records();
	read_file(BOOTMGR, BOOTMGR_SIZE);
	read_records();
}

static void read_up_to_bcd(void)
{
	read_up_to_bootmgr();
	read_file(FONT, 47452);
	read_file(BCD, 32768);
	read_file(MUI, 85056);
	take(STATUS, 4096);
	take(FOLDER, 4096);
}

static void read_loader(void)
{
	read_file(LOADER, PIECE);
	read_file(LOADER + 1 * MIB, PIECE);
}

static void look_again(void)
{
	take(0, 512);
	take(VOLUME, 512);
}

static void assert_proven(const char *what)
{
	ck_assert_int_eq(watch_judge(watch, now), WATCH_PROVEN);
	watch_finish(watch);
	ck_assert_msg(start.proven, "%s", start.evidence);
	ck_assert_msg(strstr(start.evidence, what), "%s", start.evidence);
}

/* Nothing more comes. */
static void assert_stops(enum bs_link_kind link, const char *what)
{
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	ck_assert_int_eq(watch_judge(watch, now + 60000000), WATCH_STOPPED);
	watch_finish(watch);
	ck_assert(!start.proven);
	ck_assert_msg(start.stopped_at == link, "%d: %s", (int)start.stopped_at, start.evidence);
	ck_assert_msg(strstr(start.evidence, what), "%s", start.evidence);
}

TEST_CASE(proven, "proven", .setup = setup, .teardown = teardown);

TEST(proven, a_loader_that_goes_on_to_the_registry_hive)
{
	open_whole();
	read_up_to_bcd();
	read_loader();
	look_again();
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	take(HIVE, 4096);
	assert_proven("\\Windows\\system32\\winload.exe on partition 2 was read in full");
	ck_assert_uint_eq(start.readings[BS_PLACE_BOOTMGR].read, BOOTMGR_SIZE);
	ck_assert_uint_eq(start.readings[BS_PLACE_LOADER].read, LOADER_SIZE);
	ck_assert_uint_eq(start.readings[BS_PLACE_OLD_SYSTEM].read, 0);
}

TEST(proven, without_hive_and_kernel_a_second_look_at_table_and_boot_record_counts)
{
	put_bootmgr();
	put_bcd();
	put_loader();
	open_watch(true);
	read_up_to_bcd();
	read_loader();
	take(0, 512);
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	take(VOLUME, 8192);
	assert_proven("no SYSTEM hive and no kernel");
}

TEST(proven, repeated_split_and_disordered_reads_count_once)
{
	open_whole();
	read_up_to_bcd();
	take(HIVE, 512); /* a little too early */
	for (uint64_t i = 0; i < PIECE; i += 512) {
		take(LOADER + 1 * MIB + i, 512);
		take(LOADER + 1 * MIB + i, 512);
	}
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	take(LOADER - 4096, PIECE + 8192); /* with more than was asked for */
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	take(HIVE, 512);
	assert_proven("SYSTEM");
	ck_assert_uint_eq(start.readings[BS_PLACE_LOADER].read, LOADER_SIZE);
}

TEST(proven, a_hive_that_was_read_a_little_before_the_loader_was_complete)
{
	open_whole();
	read_up_to_bcd();
	read_file(LOADER, PIECE);
	take(HIVE, 4096);
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	read_file(LOADER + 1 * MIB, PIECE);
	assert_proven("SYSTEM");
}

TEST(proven, a_tool_as_default_entry_by_its_own_file)
{
	places.is_tool = true;
	open_whole();
	read_up_to_bcd();
	read_loader();
	assert_proven("which the default entry starts");
}

TEST(proven, the_boot_record_of_the_old_partition_may_be_read)
{
	open_whole();
	read_up_to_bcd();
	read_loader();
	take(OLD, 8192);
	take(HIVE, 4096);
	assert_proven("SYSTEM");
	ck_assert_uint_eq(start.readings[BS_PLACE_OLD_RECORD].read, 8192);
}

TEST_CASE(stopped, "stopped", .setup = setup, .teardown = teardown);

TEST(stopped, nothing_was_read)
{
	open_whole();
	ck_assert_int_eq(watch_judge(watch, 50000000), WATCH_OPEN); /* a slow BIOS */
	watch_finish(watch);
	ck_assert_int_eq(start.stopped_at, BS_LINK_MBR_CODE);
	ck_assert_str_eq(start.evidence, "nothing was read from the disk");
}

TEST(stopped, the_code_of_the_master_boot_record)
{
	open_whole();
	take(0, 512);
	assert_stops(BS_LINK_MBR_CODE, "not the boot record of the active partition");
}

TEST(stopped, no_partition_is_active)
{
	places.has_active = false;
	open_whole();
	take(0, 512);
	assert_stops(BS_LINK_ACTIVE, "no partition is active");
}

TEST(stopped, the_boot_record)
{
	open_whole();
	take(0, 512);
	take(VOLUME, 512);
	take(FOLDER, 512 * 15ull); /* wrong hidden sectors: it reads elsewhere */
	assert_stops(BS_LINK_BOOT_RECORD, "only 512 of 8192 bytes of the boot record");
}

TEST(stopped, bootmgr_that_the_boot_record_does_not_read)
{
	open_whole();
	read_records();
	assert_stops(BS_LINK_BOOTMGR, "\\bootmgr on partition 2 was not read");
}

TEST(stopped, bootmgr_that_is_not_there)
{
	put_bcd();
	put_loader();
	open_watch(true);
	read_records();
	assert_stops(BS_LINK_BOOTMGR, "\\bootmgr on partition 2 is not there");
}

TEST(stopped, bootmgr_that_does_not_run)
{
	open_whole();
	read_records();
	read_file(BOOTMGR, BOOTMGR_SIZE);
	assert_stops(BS_LINK_BOOTMGR, "was read in full, but nothing that it should read next");
}

TEST(stopped, the_store)
{
	put_bootmgr();
	put_loader();
	open_watch(true);
	read_up_to_bootmgr();
	assert_stops(BS_LINK_BCD, "\\Boot\\BCD on partition 2 is not there");
}

TEST(stopped, an_entry_that_leads_to_a_partition_without_windows)
{
	places.has_windows = false;
	put_bootmgr();
	put_bcd();
	open_watch(false);
	read_up_to_bcd();
	assert_stops(BS_LINK_DEFAULT_ENTRY, "winload.exe on partition 2 is not there");
}

TEST(stopped, a_loader_that_is_missing)
{
	put_bootmgr();
	put_bcd();
	open_watch(true);
	read_up_to_bcd();
	read_file(FONT, 47452);
	assert_stops(BS_LINK_WINLOAD, "is not there; then \\Boot\\Fonts, as for an error screen");
}

TEST(stopped, a_loader_that_was_read_in_part)
{
	open_whole();
	read_up_to_bcd();
	read_file(LOADER, PIECE);
	assert_stops(BS_LINK_WINLOAD, "of 600000 bytes of \\Windows\\system32\\winload.exe");
}

/* What only a running loader reads may lie directly behind the loader. */
TEST(stopped, one_read_of_the_loaders_end_and_of_more_proves_nothing)
{
	put_bootmgr();
	put_bcd();
	put(BS_PLACE_LOADER, HIVE - 65536, 65536);
	put(BS_PLACE_WINDOWS, HIVE, 65536);
	open_watch(false);
	read_up_to_bcd();
	take(HIVE - 65536, 131072);
	assert_stops(BS_LINK_WINLOAD, "but nothing that a running loader reads next");
}

/* A file record with the content of a small file is also read by who looks for another file. */
TEST(stopped, a_small_hive_counts_only_after_the_loader)
{
	places.windows_resident = true;
	put_bootmgr();
	put_bcd();
	put_loader();
	put(BS_PLACE_WINDOWS, MFT + 4096, 1024);
	open_watch(false);
	read_up_to_bcd();
	read_file(LOADER, PIECE);
	take(MFT + 4096, 4096);
	read_file(LOADER + 1 * MIB, PIECE);
	assert_stops(BS_LINK_WINLOAD, "nothing that a running loader reads");
}

/* A fix changes nothing that is read after the loader. */
TEST(stopped, a_prepared_disk_only_has_to_reach_the_loader)
{
	open_whole();
	read_up_to_bcd();
	read_loader();
	read_file(FONT, 47452);
	ck_assert_int_eq(watch_judge(watch, now + 60000000), WATCH_STOPPED);
	watch_finish(watch);
	ck_assert(start.proven);
	ck_assert(strstr(start.evidence, "does not depend on the fix; \\Boot\\Fonts were read"));
}

TEST(stopped, an_error_screen_ends_the_wait_although_keys_make_the_guest_read)
{
	open_whole();
	read_up_to_bcd();
	read_loader();
	read_file(FONT, 47452);
	ck_assert_int_eq(watch_judge(watch, now), WATCH_OPEN);
	for (int second = 0; second < 4; second++) {
		now += 1000000;
		take(BCD, 4096);
	}
	ck_assert_int_eq(watch_judge(watch, now), WATCH_STOPPED);
}

TEST(stopped, a_guest_that_reads_the_same_again_and_again)
{
	open_whole();
	for (int second = 0; second < 8; second++) {
		now += 1000000;
		take(0, 512);
		take(VOLUME, 512);
	}
	ck_assert_int_eq(watch_judge(watch, now), WATCH_STOPPED);
}

TEST(stopped, a_slow_host_gets_more_time)
{
	open_whole();
	now = 4000000;
	take(0, 512);
	ck_assert_int_eq(watch_judge(watch, now + 15000000), WATCH_OPEN);
	ck_assert_int_eq(watch_judge(watch, now + 17000000), WATCH_STOPPED);
}

TEST_CASE(old, "old system partition", .setup = setup, .teardown = teardown);

TEST(old, one_read_of_the_old_system_partition_ends_the_proof)
{
	open_whole();
	read_up_to_bcd();
	take(OLD + 40 * MIB, 512);
	ck_assert_int_eq(watch_judge(watch, now), WATCH_STOPPED);
	watch_finish(watch);
	ck_assert(!start.proven);
	ck_assert_str_eq(start.evidence,
			 "partition 1, which should not be needed any more, was read on the way to "
			 "\\Windows\\system32\\winload.exe on partition 2");
}

TEST(old, a_tool_that_is_started_from_the_old_system_partition_is_noticed)
{
	places.is_tool = true;
	put_bootmgr();
	put_bcd();
	put(BS_PLACE_LOADER, OLD + 50 * MIB, 4096);
	name(BS_PLACE_LOADER, 1, "\\Boot\\memtest.exe");
	open_watch(true);
	read_up_to_bcd();
	take(OLD + 50 * MIB, 4096);
	ck_assert_int_eq(watch_judge(watch, now), WATCH_STOPPED);
	watch_finish(watch);
	ck_assert(!start.proven);
}

TEST(old, without_a_fix_it_is_only_told)
{
	put_bootmgr();
	put_bcd();
	put_loader();
	put(BS_PLACE_WINDOWS, HIVE, 4096);
	open_watch(false);
	read_up_to_bcd();
	take(OLD + 40 * MIB, 512);
	read_loader();
	take(HIVE, 4096);
	assert_proven("SYSTEM");
	ck_assert_uint_eq(start.readings[BS_PLACE_OLD_SYSTEM].read, 512);
}

TEST_CASE(drawn, "activity", .setup = setup, .teardown = teardown);

TEST(drawn, slots_widen_as_time_passes_and_keep_what_was_read_when)
{
	open_whole();
	now = 10000;
	take(0, 512);
	now = 3000000;
	take(VOLUME, 512);
	ck_assert_uint_eq(start.slot, 64);
	ck_assert_uint_eq(start.readings[BS_PLACE_TABLE].activity, 1);
	ck_assert_uint_eq(start.readings[BS_PLACE_BOOT_RECORD].activity, UINT64_C(1) << 3000 / 64);
	ck_assert_uint_eq(start.readings[BS_PLACE_TABLE].first, 10);
	ck_assert_uint_eq(start.readings[BS_PLACE_BOOT_RECORD].last, 3000);
}

TEST_CASE(maps, "places", .setup = setup, .teardown = teardown);

TEST(maps, the_special_place_of_a_sector_counts)
{
	uint32_t number;

	put(BS_PLACE_WINDOWS, MFT + 8192, 700);
	put(BS_PLACE_WINDOWS, MFT + 8192, 1024); /* overlaps */
	ck_assert(places_seal(&places));
	ck_assert_int_eq(places_find(&places, MFT + 8192 + 512, &number), BS_PLACE_WINDOWS);
	ck_assert_uint_eq(number, 1);
	ck_assert_int_eq(places_find(&places, MFT + 8192 + 1024, &number), BS_PLACE_FILE_SYSTEM);
	ck_assert_int_eq(places_find(&places, OLD + 8192, &number), BS_PLACE_OLD_SYSTEM);
	ck_assert_int_eq(places_find(&places, FOLDER, &number), BS_PLACE_OTHER);
	ck_assert_uint_eq(places_sectors(&places, BS_PLACE_WINDOWS), 2);
}
