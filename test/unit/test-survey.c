/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The survey: its findings on every sample disk, and on disks with unusual tables or stores; and
 * which elements of a store have to be retargeted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "unit/memory-disk.h"
#include "unit/survey-fixture.h"

/* ---- the samples --------------------------------------------------------------------------- */

/* The links: MBR code, active, boot record, bootmgr, BCD, default entry, boot volume, winload;
 * good, broken, repaired by the fix, unknown.  `code` is the refusal, or a note of one that can be
 * fixed. */
static const struct {
	const char *recipe;
	enum bs_verdict verdict;
	enum bs_code code;
	const char *links;
} samples[] = {
	{"windows-7", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"windows-10", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"compressed-root", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"older-try", BS_VERDICT_FIXABLE, BS_NOTE_REPLACES, "gggggggg"},
	{"mkntfs-boot-record", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"volume-smaller", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"mkntfs-boot-sector", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"boot-code-cut", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"ntldr-boot-record", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"wrong-hidden-sectors", BS_VERDICT_FIXABLE, BS_NOTE_BOOT_CODE, "gggggggg"},
	{"already-fixed", BS_VERDICT_NOTHING, BS_OK, "gggggggg"},
	{"single-partition", BS_VERDICT_NOTHING, BS_OK, "gggggggg"},
	{"bcd-cut", BS_VERDICT_UNSUITABLE, BS_BCD_DAMAGED, "ggggbuuu"},
	{"bcd-not-a-hive", BS_VERDICT_UNSUITABLE, BS_BCD_DAMAGED, "ggggbuuu"},
	{"bcd-missing", BS_VERDICT_UNSUITABLE, BS_BCD_MISSING, "ggggbuuu"},
	{"bcd-dirty", BS_VERDICT_UNSUITABLE, BS_BCD_DIRTY, "gggggggg"},
	{"bitlocker", BS_VERDICT_UNSUITABLE, BS_BITLOCKER, "gggggggu"},
	{"bootmgr-empty", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_DAMAGED, "gggbgggg"},
	{"bootmgr-cut", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_DAMAGED, "gggbgggg"},
	{"bootmgr-missing", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_MISSING, "gggbgggg"},
	{"default-other-disk", BS_VERDICT_UNSUITABLE, BS_OTHER_DISK, "ggggggbu"},
	{"gpt", BS_VERDICT_UNSUITABLE, BS_GPT, "buuuuuuu"},
	{"hibernated", BS_VERDICT_UNSUITABLE, BS_HIBERNATED, "gggggggg"},
	{"logical", BS_VERDICT_UNSUITABLE, BS_BOOT_VOLUME_LOGICAL, "gggggggg"},
	{"no-active", BS_VERDICT_UNSUITABLE, BS_NO_ACTIVE_PARTITION, "gbuuuuuu"},
	{"no-boot-volume", BS_VERDICT_UNSUITABLE, BS_BOOT_VOLUME_MISSING, "ggggggbu"},
	{"no-partition-table", BS_VERDICT_UNSUITABLE, BS_DISK_EMPTY, "buuuuuuu"},
	{"no-partitions", BS_VERDICT_UNSUITABLE, BS_NO_PARTITIONS, "gbuuuuuu"},
	{"no-room", BS_VERDICT_UNSUITABLE, BS_VOLUME_FULL, "gggggggg"},
	{"two-active", BS_VERDICT_UNSUITABLE, BS_SEVERAL_ACTIVE, "gbuuuuuu"},
	{"unclean", BS_VERDICT_UNSUITABLE, BS_UNCLEAN, "gggggggg"},
	{"bitlocker-suspended", BS_VERDICT_UNSUITABLE, BS_BITLOCKER, "gggggggu"},
	{"bitlocker-system", BS_VERDICT_UNSUITABLE, BS_BITLOCKER, "ggbuuuuu"},
	{"boot-ram-disk", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"bootmgr-too-large", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_DAMAGED, "gggbgggg"},
	{"clusters-128k", BS_VERDICT_UNSUITABLE, BS_NTFS_GEOMETRY, "gggggggg"},
	{"compressed-bootmgr", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_DAMAGED, "gggbgggg"},
	{"default-diagnostic", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"default-diagnostic-missing", BS_VERDICT_UNSUITABLE, BS_DEFAULT_ENTRY_BROKEN, "gggggbgg"},
	{"default-legacy-missing", BS_VERDICT_UNSUITABLE, BS_DEFAULT_ENTRY_BROKEN, "gggggbgg"},
	{"default-legacy", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"dynamic-disk", BS_VERDICT_UNSUITABLE, BS_DYNAMIC_DISK, "gggggggg"},
	{"encrypted-boot-folder", BS_VERDICT_UNSUITABLE, BS_BOOT_FILE_UNSUPPORTED, "gggggggg"},
	{"fast-startup", BS_VERDICT_UNSUITABLE, BS_HIBERNATED, "gggggggg"},
	{"fast-startup-system", BS_VERDICT_UNSUITABLE, BS_HIBERNATED, "gggggggg"},
	{"fat-system-volume", BS_VERDICT_UNSUITABLE, BS_FAT_SYSTEM_VOLUME, "ggbuuuuu"},
	{"fat16-system-volume", BS_VERDICT_UNSUITABLE, BS_FAT_SYSTEM_VOLUME, "ggbuuuuu"},
	{"foreign-entries", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"fragmented-free-space", BS_VERDICT_FIXABLE, BS_NOTE_ROOM, "gggggggg"},
	{"grub-mbr", BS_VERDICT_FIXABLE, BS_NOTE_MBR_CODE, "uggggggg"},
	{"unknown-mbr", BS_VERDICT_FIXABLE, BS_NOTE_MBR_CODE, "uggggggg"},
	{"hibernated-10", BS_VERDICT_UNSUITABLE, BS_HIBERNATED, "gggggggg"},
	{"hibernated-system", BS_VERDICT_UNSUITABLE, BS_HIBERNATED, "gggggggg"},
	{"hibernation-ended", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"journal-open", BS_VERDICT_UNSUITABLE, BS_UNCLEAN, "gggggggg"},
	{"journal-open-system", BS_VERDICT_UNSUITABLE, BS_UNCLEAN, "gggggggg"},
	{"legacy-dual-boot", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"legacy-leftovers", BS_VERDICT_FIXABLE, BS_NOTE_REPLACES, "gggggggg"},
	{"legacy-loader-empty", BS_VERDICT_UNSUITABLE, BS_LEGACY_UNSUPPORTED, "gggggggg"},
	{"legacy-menu-missing", BS_VERDICT_FIXABLE, BS_NOTE_LEGACY, "gggggggg"},
	{"legacy-third-partition", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"log-newer", BS_VERDICT_UNSUITABLE, BS_BCD_DIRTY, "gggggggg"},
	{"log-stale", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"no-boot-code", BS_VERDICT_UNSUITABLE, BS_BOOT_CODE_MISSING, "ggbggggg"},
	{"boot-code-damaged", BS_VERDICT_UNSUITABLE, BS_BOOT_CODE_MISSING, "ggbggggg"},
	{"no-mbr-code", BS_VERDICT_FIXABLE, BS_NOTE_MBR_CODE, "bggggggg"},
	{"other-loader", BS_VERDICT_FIXABLE, BS_NOTE_OTHER_LOADER, "gggggggg"},
	{"rich-boot-files", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"sectors-4096", BS_VERDICT_UNSUITABLE, BS_NTFS_GEOMETRY, "ggggggbg"},
	{"sparse-bootmgr", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_DAMAGED, "gggbgggg"},
	{"storage-spaces", BS_VERDICT_UNSUITABLE, BS_STORAGE_SPACES, "gggggggg"},
	{"system-without-boot-code", BS_VERDICT_FIXABLE, BS_OK, "ggrggggg"},
	{"two-windows", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"unclean-system", BS_VERDICT_UNSUITABLE, BS_UNCLEAN, "gggggggg"},
	{"locate", BS_VERDICT_FIXABLE, BS_OK, "gggggggg"},
	{"locate-two-windows", BS_VERDICT_UNSUITABLE, BS_SEVERAL_WINDOWS, "gggggguu"},
	{"vhd-boot", BS_VERDICT_UNSUITABLE, BS_BOOT_VOLUME_MISSING, "ggggggbu"},
	{"windows-on-boot-device", BS_VERDICT_UNSUITABLE, BS_ENTRY_WOULD_BREAK, "gggggggg"},
	{"windows-on-system-volume", BS_VERDICT_FIXABLE, BS_NOTE_STAYS, "gggggggg"},
	{"wof-bootmgr", BS_VERDICT_UNSUITABLE, BS_BOOT_FILE_UNSUPPORTED, "gggbgggg"},
	{"wrong-hidden-sectors-system", BS_VERDICT_FIXABLE, BS_OK, "ggrggggg"},
	{"signature-changed", BS_VERDICT_FIXABLE, BS_NOTE_SIGNATURE, "ggggggrg"},
	{"signature-changed-fixed", BS_VERDICT_FIXABLE, BS_NOTE_SIGNATURE, "ggggggrg"},
	{"signature-disputed", BS_VERDICT_UNSUITABLE, BS_SIGNATURE_DISPUTED, "ggggggbu"},
	{"signature-hive-cut", BS_VERDICT_UNSUITABLE, BS_SIGNATURE_CHANGED, "ggggggbu"},
	{"signature-hive-dirty", BS_VERDICT_FIXABLE, BS_NOTE_SIGNATURE, "ggggggrg"},
	{"signature-of-other-letter", BS_VERDICT_FIXABLE, BS_NOTE_SIGNATURE, "ggggggrg"},
	{"signature-one-witness", BS_VERDICT_UNSUITABLE, BS_SIGNATURE_CHANGED, "ggggggbu"},
	{"signature-two-windows", BS_VERDICT_FIXABLE, BS_NOTE_SIGNATURE, "ggggggrg"},
	{"winload-missing", BS_VERDICT_UNSUITABLE, BS_WINLOAD_MISSING, "gggggggb"},
	{"lost-bootmgr", BS_VERDICT_UNSUITABLE, BS_BOOTMGR_MISSING, "gggbgggg"},
	{"lost-system-volume", BS_VERDICT_UNSUITABLE, BS_NOT_NTFS, "ggbuuuuu"},
	{"lost-system-partition", BS_VERDICT_UNSUITABLE, BS_NO_ACTIVE_PARTITION, "gbuuuuuu"},
};

TEST_CASE(samples_tests, "samples", .teardown = teardown, .tags = "slow samples");

TEST_EACH(samples_tests, each_sample_is_judged_as_what_it_is, samples)
{
	const struct bs_inspection *report;
	char links[BS_LINK_KIND_COUNT + 1] = "";

	sample_open(&sample, image_built(samples[_i].recipe, false));
	look(&no_options);
	report = &survey->report;
	for (uint32_t i = 0; i < report->link_count; i++) {
		ck_assert_int_eq(report->links[i].kind, (enum bs_link_kind)i);
		ck_assert_str_ne(report->links[i].detail, "");
		links[i] = "gbru"[report->links[i].state];
		/* Good links have no code, and broken links always have one. */
		if (links[i] != 'u')
			ck_assert_int_eq(report->links[i].code == BS_OK, links[i] == 'g');
	}
	ck_assert_msg(strcmp(links, samples[_i].links) == 0, "%s: %s", samples[_i].recipe, links);
	ck_assert_msg(report->verdict == samples[_i].verdict, "%s", samples[_i].recipe);
	ck_assert_int_eq(report->starts, strcmp(links, "gggggggg") == 0);
	ck_assert_int_eq(report->starts_after, strspn(links, "gr") == strlen(links));
	ck_assert_int_eq(report->starts_known,
			 strchr(links, 'u') == NULL || strpbrk(links, "br") != NULL);
	ck_assert_int_eq(report->starts_after_known,
			 strchr(links, 'u') == NULL || strchr(links, 'b') != NULL);
	if (samples[_i].verdict == BS_VERDICT_UNSUITABLE)
		assert_refused(samples[_i].code);
	else if (samples[_i].code != BS_OK)
		ck_assert(has_finding(samples[_i].code));
	else
		ck_assert_uint_eq(report->finding_count, 0);
}

TEST_CASE(list_of_samples, "list of samples");

TEST(list_of_samples, every_recipe_is_among_the_samples)
{
	char *names = image_run(0, "ls images/*.recipe | wc -l");

	ck_assert_int_eq(atoi(names), sizeof(samples) / sizeof(samples[0]));
	free(names);
}

TEST_CASE(options_tests, "options", .teardown = teardown);

TEST(options_tests, what_is_on_a_disk_is_told)
{
	const struct bs_inspection *report;

	sample_open(&sample, image_built("windows-7", false));
	look(&no_options);
	report = &survey->report;
	ck_assert_uint_eq(report->disk_signature, 0xA33B6C03);
	ck_assert_uint_eq(report->disk_size, 6ull << 30);
	ck_assert_uint_eq(report->partition_count, 2);
	ck_assert_str_eq(report->partitions[0].label, "System Reserved");
	ck_assert_uint_eq(report->partitions[1].start, 101 << 20);
	ck_assert_int_eq(report->partitions[1].filesystem, BS_FS_NTFS);
	ck_assert_uint_eq(report->partitions[1].cluster_size, 4096);
	ck_assert_int_eq(report->system_index, 0);
	ck_assert_int_eq(report->boot_index, 1);
	ck_assert(report->partitions[0].is_system && !report->partitions[0].is_boot);
	ck_assert(report->partitions[1].is_boot && !report->partitions[1].is_system);
	ck_assert_str_eq(report->windows_name, "Windows 7 Enterprise");
	ck_assert_str_eq(report->windows_build, "7601 Service Pack 1");
	ck_assert_str_eq(report->loader_path, "\\Windows\\system32\\winload.exe");
	ck_assert_uint_eq(report->boot_file_count, 36);
	ck_assert(report->room_before_known && report->room_after_known);
	ck_assert_uint_eq(report->room_before, report->partitions[0].free);
	ck_assert_uint_lt(report->room_after, report->partitions[1].free - report->boot_file_bytes);
}

/* ---- options ------------------------------------------------------------------------------- */

TEST_LOOP(options_tests, a_chosen_system_partition_takes_the_place_of_the_active_one, 0, 2)
{
	const struct bs_options options = {.system_partition = 1};

	sample_open(&sample, image_built(_i == 0 ? "no-active" : "two-active", false));
	look(&options);
	assert_fixable();
	assert_link(BS_LINK_ACTIVE, BS_LINK_REPAIRED,
		    _i == 0 ? BS_NO_ACTIVE_PARTITION : BS_SEVERAL_ACTIVE);
	ck_assert(!survey->report.starts && survey->report.starts_after);
	ck_assert_int_eq(survey->report.system_index, 0);
	ck_assert_int_eq(survey->report.boot_index, 1);
}

TEST(options_tests, another_active_partition_than_the_chosen_one_is_a_link_that_the_fix_repairs)
{
	const struct bs_options options = {.system_partition = 1};

	sample_open_small(&sample, "active-boot",
			  "partition system active=no\npartition windows active\n");
	look(&options);
	assert_fixable();
	assert_link(BS_LINK_ACTIVE, BS_LINK_REPAIRED, BS_SYSTEM_PARTITION);
	ck_assert(!survey->report.starts && survey->report.starts_after);
}

TEST_LOOP(options_tests, a_chosen_system_partition_that_is_none_is_refused, 0, 4)
{
	static const uint32_t numbers[] = {3, 5, 77, UINT32_MAX};
	const struct bs_options options = {.system_partition = numbers[_i]};

	sample_open(&sample, image_built("logical", false));
	look(&options);
	assert_refused(BS_SYSTEM_PARTITION);
	ck_assert_uint_eq(survey->report.advised_partition, 1);
}

TEST(options_tests, the_only_partition_with_boot_files_is_advised)
{
	look_at("advise-system", "partition system active=no\n");
	assert_refused(BS_NO_ACTIVE_PARTITION);
	ck_assert_uint_eq(survey->report.advised_partition, 1);
}

TEST(options_tests, none_is_advised_where_two_have_boot_files)
{
	look_at("advise-none",
		"partition windows active\n"
		"on windows\nfile \\bootmgr size=300000\nfile \\Boot\\BCD hive=bcd\n");
	assert_refused(BS_SEVERAL_ACTIVE);
	ck_assert_uint_eq(survey->report.advised_partition, 0);
}

TEST(options_tests, a_chosen_boot_partition_takes_the_place_of_the_default_entrys)
{
	const struct bs_options options = {.boot_partition = 2};

	sample_open(&sample, image_built("default-other-disk", false));
	look(&options);
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, 1);
	/* The default entry starts from the other disk all the same. */
	assert_link(BS_LINK_BOOT_VOLUME, BS_LINK_BROKEN, BS_OTHER_DISK);
	ck_assert(!survey->report.starts && !survey->report.starts_after);
}

TEST(options_tests, a_chosen_boot_partition_that_is_none_is_refused)
{
	const struct bs_options options = {.boot_partition = 3};

	sample_open(&sample, image_built("windows-7", false));
	look(&options);
	assert_refused(BS_BOOT_VOLUME_MISSING);
}

TEST_LOOP(options_tests,
	  a_store_without_a_default_is_refused_also_when_the_boot_partition_is_chosen, 0, 2)
{
	const struct bs_options options = {.boot_partition = _i == 0 ? 0 : 2};

	sample_open_small(&sample, "no-default", "object {bootmgr}\ndelete 23000003\n");
	look(&options);
	assert_refused(BS_NO_DEFAULT_ENTRY);
}

TEST(options_tests, the_room_that_is_needed_is_an_option)
{
	const struct bs_options options = {.needed_room = 149 << 20};

	look_at("room", "");
	ck_assert_uint_eq(survey->report.needed_room, BS_DEFAULT_PE_SIZE);
	ck_assert(!has_finding(BS_NOTE_ROOM));
	teardown();
	sample_open_small(&sample, "room-more", "");
	look(&options);
	assert_fixable();
	ck_assert(has_finding(BS_NOTE_ROOM));
}

/* ---- partition tables ---------------------------------------------------------------------- */

static const struct {
	uint8_t flag, type;
	uint32_t first, count; /* sectors */
	enum bs_code code;
} third_entries[] = {
	{0, 0x07, 195 * MIB, 4 * MIB, BS_OK},
	{0, 0x07, 195 * MIB, 6 * MIB, BS_DISK_CUT_SHORT}, /* ends after the end of the disk */
	{0, 0x07, 0xFFFFFFFF, 0xFFFFFFFF, BS_DISK_CUT_SHORT},
	{0, 0x07, 0, MIB, BS_PARTITION_TABLE_INVALID},             /* overlaps the table */
	{0, 0x07, 190 * MIB, 4 * MIB, BS_PARTITION_TABLE_INVALID}, /* overlaps Windows */
	{0, 0x0F, 190 * MIB, 4 * MIB, BS_PARTITION_TABLE_INVALID}, /* overlaps Windows too */
	{0, 0x0F, 195 * MIB, 4 * MIB, BS_OK},
	{0x81, 0x07, 195 * MIB, 4 * MIB, BS_PARTITION_TABLE_INVALID},
	{0x80, 0x07, 195 * MIB, 4 * MIB, BS_SEVERAL_ACTIVE},
	{0, 0x42, 195 * MIB, 4 * MIB, BS_DYNAMIC_DISK},
	{0, 0xE7, 195 * MIB, 4 * MIB, BS_STORAGE_SPACES},
	{0, 0xD7, 195 * MIB, 4 * MIB, BS_STORAGE_SPACES},
	{0, 0xEE, 195 * MIB, 4 * MIB, BS_GPT},
	{0, 0x00, 1, 0xFFFFFFFF, BS_OK}, /* empty, whatever else it says */
};

TEST_CASE(partition_tables, "partition tables", .teardown = teardown);

TEST_EACH(partition_tables, a_third_entry_in_the_table_is_judged, third_entries)
{
	sample_open_small(&sample, "table", "");
	write_entry(2, third_entries[_i].flag, third_entries[_i].type, third_entries[_i].first,
		    third_entries[_i].count);
	look(&no_options);
	if (third_entries[_i].code == BS_OK)
		assert_fixable();
	else
		assert_refused(third_entries[_i].code);
}

TEST(partition_tables, a_partition_on_top_of_the_table_is_called_one)
{
	sample_open_small(&sample, "table-at-0", "");
	write_entry(2, 0, 0x07, 0, 1);
	look(&no_options);
	assert_refused(BS_PARTITION_TABLE_INVALID);
	ck_assert_str_eq(message_of(BS_PARTITION_TABLE_INVALID),
			 "partition 3 starts at sector 0, where the partition table is");
}

TEST(partition_tables, an_active_extended_partition_is_called_one)
{
	sample_open_small(&sample, "active-extended", "");
	write_entry(0, 0, 0x07, MIB, 40 * MIB);
	write_entry(2, 0x80, 0x0F, 195 * MIB, 4 * MIB);
	look(&no_options);
	assert_refused(BS_SYSTEM_PARTITION);
	ck_assert_ptr_nonnull(
		strstr(message_of(BS_SYSTEM_PARTITION), "3 is an extended partition"));
	assert_link(BS_LINK_ACTIVE, BS_LINK_BROKEN, BS_SYSTEM_PARTITION);
}

/* Partitions behind it would be overlooked. */
TEST(partition_tables, an_extended_partition_that_cannot_be_read_is_an_error)
{
	struct memory_disk *memory = memory_disk_open(1 << 20);
	const struct volume_engine engine = volume_ntfs_engine(&memory->disk);
	struct bs_error err = {0};

	memset(memory->bytes, 0, 512);
	memory->bytes[0x1BE + 4] = 0x0F;
	store_le32(memory->bytes + 0x1BE + 8, 100);
	store_le32(memory->bytes + 0x1BE + 12, 1000);
	memcpy(memory->bytes + 510, "\x55\xAA", 2);
	memcpy(memory->bytes + 100 * 512, memory->bytes, 512);
	memset(memory->bytes + 100 * 512 + 0x1BE, 0, 16);
	memory->bytes[100 * 512 + 0x1CE + 4] = 0x0F; /* the next record, 50 sectors behind */
	store_le32(memory->bytes + 100 * 512 + 0x1CE + 8, 50);
	memory->bad = 150 * 512;
	survey = calloc(1, sizeof(*survey));
	ck_assert_int_eq(survey_take(&engine, &no_options, survey, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	disk_close(&memory->disk);
	sample_open_small(&sample, "table", ""); /* for teardown() */
}

TEST(partition_tables, a_primary_partition_within_the_extended_one_is_refused)
{
	sample_open_small(&sample, "primary-in-extended", "");
	write_entry(2, 0, 0x0F, 192 * MIB, 7 * MIB);
	write_entry(3, 0, 0x07, 194 * MIB, MIB);
	look(&no_options);
	assert_refused(BS_PARTITION_TABLE_INVALID);
}

TEST(partition_tables, logical_partitions_are_numbered_from_five_along_their_chain)
{
	sample_open_small(&sample, "extended", "");
	write_entry(2, 0, 0x0F, 192 * MIB, 7 * MIB);
	write_extended(192 * MIB, 63, 100, MIB);
	write_extended(193 * MIB, 63, 200, 2 * MIB);
	write_extended(194 * MIB, 63, 300, 0);
	look(&no_options);
	assert_fixable();
	ck_assert_uint_eq(survey->report.partition_count, 6);
	for (uint32_t i = 3; i < 6; i++) {
		ck_assert_uint_eq(survey->report.partitions[i].number, i + 2);
		ck_assert_uint_eq(survey->report.partitions[i].start,
				  ((189ull + i) * MIB + 63) * 512);
		ck_assert_uint_eq(survey->report.partitions[i].size, (i - 2) * 100 * 512);
	}
}

TEST(partition_tables, a_chain_of_extended_records_that_turns_back_ends)
{
	sample_open_small(&sample, "extended-loop", "");
	write_entry(2, 0, 0x0F, 192 * MIB, 7 * MIB);
	write_extended(192 * MIB, 63, 100, MIB);
	write_extended(193 * MIB, 63, 100, MIB); /* to itself */
	look(&no_options);
	ck_assert_uint_eq(survey->report.partition_count, 5);
}

TEST(partition_tables, a_chain_of_very_many_empty_records_ends)
{
	sample_open_small(&sample, "extended-long", "");
	write_entry(2, 0, 0x0F, 192 * MIB, 7 * MIB);
	for (uint32_t i = 0; i < 1000; i++)
		write_extended(192 * MIB + i, 0, 0, i + 1);
	write_extended(192 * MIB + 1000, 63, 100, 0);
	look(&no_options);
	ck_assert_uint_eq(survey->report.partition_count, 3);
}

TEST(partition_tables, more_partitions_than_fit_are_left_out)
{
	sample_open_small(&sample, "extended-many", "");
	write_entry(2, 0, 0x0F, 192 * MIB, 7 * MIB);
	for (uint32_t i = 0; i < 60; i++)
		write_extended(192 * MIB + i * 128, 63, 64, (i + 1) * 128);
	look(&no_options);
	ck_assert_uint_eq(survey->report.partition_count, BS_PARTITIONS_MAX);
}

TEST(partition_tables, an_image_of_one_volume_has_no_table)
{
	const char *volume;

	sample_open_small(&sample, "one-volume", "");
	volume = image_extract(sample.disk, SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
	sample_close(&sample);
	sample_open(&sample, volume);
	look(&no_options);
	assert_refused(BS_NO_PARTITION_TABLE);
}

/* First sectors of a disk that are not a partition table. */
static const struct {
	const char *name, *more;
	enum bs_code code;
} starts[] = {
	{"start-luks", "patch disk 0 hex=4C554B53BABE0002\npatch disk 0x1FE hex=0000\n",
	 BS_DISK_ENCRYPTED},
	{"start-other", "patch disk 0x1FE hex=0000\n", BS_NO_PARTITION_TABLE},
	{"start-fat", "patch disk 0x52 text=\"FAT32   \"\n", BS_NO_PARTITION_TABLE},
	/* Entries as on a disk with sectors of 4096 bytes, and volumes from such a disk. */
	{"start-4kn",
	 "partition system sector-size=4096\npartition windows sector-size=4096\n"
	 "patch disk 0x1C6 hex=0001000000280000\npatch disk 0x1D6 hex=0029000000960000\n",
	 BS_SECTOR_SIZE},
	/* Such a volume on a disk with sectors of 512 bytes. */
	{"start-mixed", "partition windows sector-size=4096\n", BS_NTFS_GEOMETRY},
};

TEST_EACH(partition_tables, each_kind_of_disk_that_no_bios_starts_has_its_code, starts)
{
	look_at(starts[_i].name, starts[_i].more);
	assert_refused(starts[_i].code);
}

/*
 * A disk without content in its first sector: 8 KiB of zeros, and a GPT without its first sector.
 */
TEST_LOOP(partition_tables, an_empty_start_is_told_from_a_lost_one, 0, 3)
{
	static const uint8_t zeros[VBR_SIZE];

	sample_open_small(&sample, "empty-start", "");
	sample_write(&sample, 0, zeros, sizeof(zeros));
	if (_i == 1)
		sample_write(&sample, SECTOR_SIZE, "EFI PART", 8);
	if (_i == 2)
		sample_write(&sample, 4096, "something", 9);
	look(&no_options);
	assert_refused(_i == 0 ? BS_DISK_EMPTY : _i == 1 ? BS_GPT : BS_NO_PARTITION_TABLE);
}

TEST_LOOP(partition_tables, the_smallest_disks_are_judged, 0, 5)
{
	static const uint64_t sizes[] = {1, 511, 512, 513, 8192};
	struct bs_error err = {0};

	sample_open_small(&sample, "tiny", "");
	ASSERT_OK(overlay_resize(sample.overlay, sizes[_i], &err));
	look(&no_options);
	assert_refused(sizes[_i] < 512 ? BS_NO_PARTITION_TABLE : BS_DISK_CUT_SHORT);
}

TEST(partition_tables, an_error_of_the_disk_is_an_error_and_no_finding)
{
	struct bs_error err = {0};

	look_at("disk-error", "");
	survey_free(survey);
	close(sample.descriptor); /* the disk below cannot be read any more */
	ck_assert_int_eq(survey_take(&sample.engine, &no_options, survey, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	sample.descriptor = -1;
}

/* ---- volumes and boot files ---------------------------------------------------------------- */

static const struct {
	const char *name, *more;
	enum bs_code code;
} odd_files[] = {
	{"bootmgr-huge", "on system\nfile \\bootmgr size=520193\n", BS_BOOTMGR_DAMAGED},
	{"bootmgr-zeros", "on system\nfile \\bootmgr seed=0\n", BS_BOOTMGR_DAMAGED},
	{"bootmgr-small", "on system\nfile \\bootmgr size=131071\n", BS_BOOTMGR_DAMAGED},
	{"bootmgr-least", "on system\nfile \\bootmgr size=131072\n", BS_OK},
	{"bootmgr-of-uefi", "on system\nfile \\bootmgr pe=amd64\n", BS_BOOTMGR_DAMAGED},
	{"bootmgr-packed", "on system\nfile \\bootmgr seed=0 attributes=c\n", BS_BOOTMGR_DAMAGED},
	{"bootmgr-folder", "on system\nremove \\bootmgr\nfolder \\bootmgr\n", BS_BOOTMGR_MISSING},
	{"bcd-folder", "on system\nremove \\Boot\\BCD\nfolder \\Boot\\BCD\n", BS_BCD_DAMAGED},
	{"bcd-empty", "on system\nfile \\Boot\\BCD size=0\n", BS_BCD_DAMAGED},
	{"bcd-huge", "on system\nfile \\Boot\\BCD size=17M\n", BS_BCD_DAMAGED},
	{"winload-empty", "on windows\nfile \\Windows\\System32\\winload.exe size=0\n",
	 BS_WINLOAD_MISSING},
	{"system-fat", "on system\npatch volume 3 text=MSDOS5.0\npatch volume 0x36 text=FAT16\n",
	 BS_FAT_SYSTEM_VOLUME},
	{"system-unknown", "on system\npatch volume 3 text=UNKNOWN\n", BS_NOT_NTFS},
	{"boot-fat", "on windows\npatch volume 3 text=MSDOS5.0\npatch volume 0x52 text=FAT32\n",
	 BS_NOT_NTFS},
	{"system-bitlocker", "on system\npatch volume 3 text=-FVE-FS-\n", BS_BITLOCKER},
	{"resume-broken-off", "on windows\nfile \\hiberfil.sys text=RSTR size=1M seed=0\n",
	 BS_HIBERNATED},
	{"resumed-again-and-again", "on windows\nfile \\hiberfil.sys text=HORM size=1M seed=0\n",
	 BS_HIBERNATED},
	{"system-hibernated", "on system\nfile \\hiberfil.sys text=hibr size=1M seed=0\n",
	 BS_HIBERNATED},
	{"boot-folder-junction",
	 "on system\nfolder \\Boot\\Fonts attributes=p reparse=0xA0000003:0000000000000000\n",
	 BS_BOOT_FILE_UNSUPPORTED},
	{"system-clusters", "partition system cluster-size=131072\n", BS_NTFS_GEOMETRY},
	{"boot-sectors", "on windows\npatch volume 0x28 hex=0000100000000000\n",
	 BS_PARTITION_TABLE_INVALID},
};

TEST_CASE(volumes_and_stores, "volumes and stores", .teardown = teardown);

TEST_EACH(volumes_and_stores, odd_volumes_and_files_are_findings, odd_files)
{
	look_at(odd_files[_i].name, odd_files[_i].more);
	if (odd_files[_i].code == BS_OK)
		assert_fixable();
	else
		assert_refused(odd_files[_i].code);
}

/* ---- which elements move ------------------------------------------------------------------- */

static const struct {
	const char *name, *more;
	uint32_t count;   /* elements that move, without those of bootmgr and memdiag */
	const char *path; /* path of the first of these elements */
	bool stays;
} elements[] = {
	{"rule-plain", "", 0, NULL, false},
	{"rule-recovery-stays",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200003\n"
	 "element 11000001 ramdisk system \\Recovery\\Winre.wim "
	 "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n"
	 "element 21000001 ramdisk system \\Recovery\\Winre.wim "
	 "{2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n"
	 "object {2f5b0a99-cce8-11e5-9d3a-0800279c5f11} 30000000\n"
	 "element 31000003 partition system\n"
	 "element 32000004 string \\Recovery\\boot.sdi\n"
	 "on system\nfile \\Recovery\\Winre.wim size=10\nfile \\Recovery\\boot.sdi size=10\n",
	 0, NULL, true},
	{"rule-sdi-moves",
	 "object {2f5b0a99-cce8-11e5-9d3a-0800279c5f11} 30000000\n"
	 "element 31000003 partition system\n"
	 "element 32000004 string \\BOOT\\boot.SDI\n"
	 "on system\nfile \\Boot\\boot.sdi size=10\n",
	 1, "\\Boot\\boot.sdi", false},
	{"rule-ramdisk-moves",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200003\n"
	 "element 11000001 ramdisk system \\Boot\\tool.wim {2f5b0a99-cce8-11e5-9d3a-0800279c5f11}\n"
	 "on system\nfile \\Boot\\tool.wim size=10\n",
	 1, "\\Boot\\tool.wim", false},
	{"rule-file-is-missing",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200003\n"
	 "element 11000001 partition system\n"
	 "element 12000002 string \\Boot\\nothing.exe\n",
	 0, NULL, false},
	{"rule-other-disk",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200005\n"
	 "element 11000001 foreign 0x77777777 1M\n"
	 "element 12000002 string \\boot\\memtest.exe\n",
	 0, NULL, false},
	{"rule-other-partition",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200005\n"
	 "element 11000001 partition windows\n"
	 "element 12000002 string \\boot\\memtest.exe\n",
	 0, NULL, false},
	{"rule-boot-follows",
	 "object {2f5b0a98-cce8-11e5-9d3a-0800279c5f11} 10200005\n"
	 "element 11000001 boot\n"
	 "element 12000002 string \\boot\\memtest.exe\n",
	 0, NULL, false},
};

TEST_EACH(volumes_and_stores, an_element_moves_if_and_only_if_its_file_does, elements)
{
	uint32_t others = 0;

	look_at(elements[_i].name, elements[_i].more);
	assert_fixable();
	for (uint32_t i = 0; i < survey->facts.elements.count; i++) {
		const struct fact_element *element = &survey->facts.elements.items[i];

		if (!facts_is_retargeted(&survey->facts, element))
			continue;
		if (strcmp(element->object, "{9dea862c-5cdd-4e70-acc1-f32b344d4795}") == 0) {
			ck_assert_str_eq(element->found.path, "\\bootmgr");
		} else if (strcmp(element->object, "{b2721d73-1db4-4c62-bf78-c548a880142d}") == 0) {
			ck_assert_str_eq(element->found.path,
					 "\\Boot\\memtest.exe"); /* as in the store */
		} else {
			ck_assert_str_eq(element->found.path, elements[_i].path);
			others++;
		}
	}
	ck_assert_uint_eq(others, elements[_i].count);
	ck_assert_uint_eq(retargeted(), others + 2);
	ck_assert_int_eq(has_finding(BS_NOTE_STAYS), elements[_i].stays);
}

/* As a store has it whose path element is missing: a device of type 8 with zeros behind it. */
TEST(volumes_and_stores, a_default_entry_that_locates_nothing_is_followed_by_the_path_of_its_loader)
{
	look_at("locate-nothing", "object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"
				  "element 11000001 binary 00000000000000000000000000000000"
				  "0800000000000000480000000000000000000000000000000000000000000000"
				  "0000000000000000000000000000000000000000000000000000000000000000"
				  "0000000000000000\n");
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, 1);
}

TEST(volumes_and_stores, nothing_of_a_menu_that_locates_is_retargeted)
{
	sample_open(&sample, image_built("locate", false));
	look(&no_options);
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, 1);
	ck_assert_uint_eq(retargeted(), 0);
	ck_assert_uint_eq(survey->report.finding_count, 0);
}

TEST(volumes_and_stores, several_volumes_with_the_located_loader_are_told_and_can_be_chosen)
{
	struct bs_options options = {.boot_partition = 3};

	sample_open(&sample, image_built("locate-two-windows", false));
	look(&no_options);
	assert_refused(BS_SEVERAL_WINDOWS);
	ck_assert_ptr_nonnull(strstr(message_of(BS_SEVERAL_WINDOWS), "partitions 2 and 3 have it"));
	survey_free(survey);
	free(survey);
	look(&options);
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, 2);
	ck_assert_ptr_nonnull(
		strstr(message_of(BS_NOTE_LOCATE), "\\Windows\\system32\\winload.exe"));
}

#define LOCATING "object {2f5b0a97-cce8-11e5-9d3a-0800279c5f11}\n"

TEST(volumes_and_stores, another_folder_with_the_located_name_is_told)
{
	look_at("locate-folder", LOCATING "element 21000001 locate \\Windows\n"
					  "on system\nfolder \\Windows\n");
	assert_fixable();
	ck_assert_ptr_nonnull(strstr(message_of(BS_NOTE_LOCATE), "searches for \\Windows and"));
}

TEST(volumes_and_stores, a_located_loader_that_no_volume_has_is_told)
{
	look_at("locate-missing", LOCATING "element 11000001 locate \\Windows\\gone.exe\n");
	assert_refused(BS_BOOT_VOLUME_MISSING);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_VOLUME_MISSING), "\\Windows\\gone.exe"));
}

TEST(volumes_and_stores, a_located_tool_leads_to_a_located_windows)
{
	look_at("locate-tool", LOCATING "element 11000001 locate 12000002\n"
					"object {memdiag}\nelement 11000001 locate 12000002\n"
					"object {bootmgr}\nelement 23000003 object {memdiag}\n");
	assert_fixable();
	ck_assert_int_eq(survey->report.boot_index, 1);
	ck_assert(survey->report.starts);
}

/* ---- loaders ------------------------------------------------------------------------------- */

TEST_LOOP(volumes_and_stores,
	  a_loader_that_does_not_begin_like_a_program_is_told_and_does_not_stop_a_fix, 0, 2)
{
	look_at(_i == 0 ? "winload-zeros" : "winload-short",
		_i == 0 ? "on windows\nfile \\Windows\\System32\\winload.exe seed=0 text= "
			  "size=60000\n"
			: "on windows\nfile \\Windows\\System32\\winload.exe text=M\n"
			  "file \\Windows\\System32\\winload.exe size=1\n");
	assert_fixable();
	assert_link(BS_LINK_WINLOAD, BS_LINK_BROKEN, BS_NOTE_WINLOAD);
	ck_assert(has_finding(BS_NOTE_WINLOAD));
	ck_assert(!survey->report.starts && !survey->report.starts_after);
}

TEST(volumes_and_stores, a_default_that_starts_a_virtual_disk_is_said_to)
{
	sample_open(&sample, image_built("vhd-boot", false));
	look(&no_options);
	assert_refused(BS_BOOT_VOLUME_MISSING);
	ck_assert_ptr_nonnull(strstr(message_of(BS_BOOT_VOLUME_MISSING), ".vhd (native boot)"));
}
