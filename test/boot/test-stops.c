/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks that do not start, and the places where they stop.  They show that the tests of disks that
 * start can fail.
 */
#include <stdlib.h>

#include "support/images.h"
#include "support/machine.h"

/* Samples whose fault stops the start. */
static const struct {
	const char *recipe, *words;
} broken[] = {
	{"bootmgr-missing", "BOOTMGR is missing"},
	{"bootmgr-empty", "BOOTMGR is missing"},
	{"bcd-missing", "Status: 0xc000000f"},
	{"bcd-cut", "Status: 0xc0000098"},
	{"bcd-not-a-hive", "Status: 0xc0000098"},
	{"default-other-disk", "Status: 0xc000000e"},
	{"no-boot-volume", "Status: 0xc000000e"},
	{"bitlocker", "Status: 0xc000000e"},
	{"winload-missing", "Status: 0xc000000f"},
	{"bootmgr-cut", "BOOTMGR image is corrupt"},
	{"default-diagnostic-missing", "Status: 0xc000000f"},
	{"default-legacy-missing", "Status: 0xc000000f"},
};

TEST_CASE(stops, "stops");

TEST_EACH(stops, a_broken_sample_stops_where_it_is_broken, broken)
{
	assert_stops(image_built(broken[_i].recipe, false), broken[_i].words);
}

/*
 * Boot files moved by hand in the usual way: files copied, BCD corrected, partition made active.
 * The boot volumes here need more than that.
 */
static const struct {
	const char *name, *more, *words;
} by_hand[] = {
	{"by-hand-ntldr", "partition windows boot-record=ntldr\n", "NTLDR is missing"},
	{"by-hand-hidden-sectors", "partition windows hidden-sectors=63\n",
	 "A disk read error occurred"},
	{"by-hand-cut-code", "partition windows boot-code-to=1024\n", "A disk read error occurred"},
	{"by-hand-compressed", "on windows\nfile \\bootmgr attributes=c\n",
	 "BOOTMGR is compressed"},
	{"by-hand-diagnostic",
	 "hive bcd-moved\nobject {bootmgr}\nelement 23000003 object {memdiag}\n"
	 "object {memdiag}\nelement 11000001 partition system\n"
	 "partition system ntfs=no\n",
	 "Status: 0xc0000001"},
	{"by-hand-too-large", "on windows\nfile \\bootmgr size=600000\n", "BOOTMGR is too large"},
};

static const char *moved_by_hand(const char *name, const char *more)
{
	return image_recipe(name, text("include images/already-fixed.recipe\n%s", more));
}

TEST_EACH(stops, boot_files_moved_by_hand_do_not_start_where_more_is_needed, by_hand)
{
	assert_stops(moved_by_hand(by_hand[_i].name, by_hand[_i].more), by_hand[_i].words);
}

/* The whole boot code is that of mkntfs, or only its first sector. */
static const char *const mkntfs[] = {"boot-record=mkntfs", "boot-code-from=512"};

TEST_EACH(stops, boot_files_moved_by_hand_do_not_start_by_the_boot_record_of_mkntfs, mkntfs)
{
	assert_shows(moved_by_hand(text("by-hand-mkntfs-%d", _i),
				   text("partition windows %s\n", mkntfs[_i])),
		     "This is not a bootable disk");
}

TEST(stops, a_system_volume_whose_boot_code_has_lost_its_first_sector_does_not_start)
{
	assert_shows(image_built("boot-code-damaged", false), "This is not a bootable disk");
}

TEST(stops, a_disk_without_an_active_partition_starts_nothing)
{
	assert_shows(image_built("no-active", false), "No bootable device");
}
