/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boot menus with more entries than Windows and the memory diagnostic.  The file that each entry
 * starts is there before a fix, after the fix, and after undo.  Without the system partition, the
 * files that a fix can move are there.  The stand-in for bootmgr reports all entries before it
 * starts the default entry.
 */
#include <stdlib.h>

#include "support/images.h"
#include "support/machine.h"
#include "support/report.h"

#define FILES_MAX 6

#define MEMORY_DIAGNOSTIC "{b2721d73-1db4-4c62-bf78-c548a880142d}: \\boot\\memtest.exe"
#define LEGACY(path)      "{466f5a88-0af2-4f76-9038-095b170dc21c}: " path
#define OTHER(id, path)   "{5c4d9f" id "-cce9-11e5-9d3a-0800279c5f11}: " path

static const struct {
	const char *recipe;
	const char *before, *after;   /* the default entry, and the place of its file */
	const char *moved[FILES_MAX]; /* they move from partition 1 to partition 2 */
	const char *stays[FILES_MAX]; /* they stay on their partition, which is not the first one */
	const char *left[FILES_MAX];  /* files on partition 1 that stay there */
} menus[] = {
	{.recipe = "legacy-dual-boot",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC, LEGACY("\\ntldr"), LEGACY("\\NTDETECT.COM"),
		   LEGACY("\\boot.ini")},
	 .left = {LEGACY("\\WINDOWS\\system32\\ntoskrnl.exe")}},
	{.recipe = "legacy-third-partition",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC, LEGACY("\\ntldr"), LEGACY("\\NTDETECT.COM"),
		   LEGACY("\\boot.ini"), LEGACY("\\CMDCONS\\BOOTSECT.DAT")},
	 .stays = {LEGACY("\\WINDOWS\\system32\\ntoskrnl.exe on partition 3")}},
	{.recipe = "legacy-leftovers",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {LEGACY("\\ntldr"), LEGACY("\\boot.ini"), LEGACY("\\CMDCONS\\BOOTSECT.DAT")},
	 .stays = {LEGACY("\\WINDOWS\\system32\\ntoskrnl.exe on partition 3")}},
	{.recipe = "default-legacy",
	 .before = "Earlier Version of Windows from partition 1",
	 .after = "Earlier Version of Windows from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC, LEGACY("\\ntldr"), LEGACY("\\NTDETECT.COM"),
		   LEGACY("\\boot.ini")},
	 .left = {LEGACY("\\WINDOWS\\system32\\ntoskrnl.exe")}},
	{.recipe = "other-loader",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC, OTHER("10", "\\NST\\grub.mbr"),
		   OTHER("11", "\\NST\\lilo.mbr")},
	 .stays = {OTHER("12", "\\ubuntu\\winboot\\wubildr.mbr on partition 2")}},
	{.recipe = "boot-ram-disk",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC, OTHER("21", "\\Tools\\tools.wim"),
		   OTHER("21", "\\Tools\\boot.sdi")}},
	{.recipe = "default-diagnostic",
	 .before = "Windows Memory Diagnostic from partition 1",
	 .after = "Windows Memory Diagnostic from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC}},
	{.recipe = "locate",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .stays = {"{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}: \\Windows\\system32\\winload.exe on "
		   "partition 2"}},
	{.recipe = "two-windows",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC},
	 .stays = {"{6d3e2c40-cce9-11e5-9d3a-0800279c5f11}: \\Windows\\system32\\winload.exe on "
		   "partition 3"}},
	{.recipe = "windows-on-system-volume",
	 .before = "Windows 7 from partition 2",
	 .after = "Windows 7 from partition 2",
	 .moved = {MEMORY_DIAGNOSTIC},
	 .left = {"{6d3e2c41-cce9-11e5-9d3a-0800279c5f11}: \\Windows\\system32\\winload.exe"}},
};

/*
 * The files are on that partition.  If `partition` is 0, the strings in `files` name the partition.
 */
static void assert_there(const char *serial, const char *const files[FILES_MAX], int partition)
{
	for (int i = 0; i < FILES_MAX && files[i] != NULL; i++)
		ASSERT_HAS(serial, text("entry %s%s of disk 0x80: there\r\n", files[i],
					partition == 0 ? "" : text(" on partition %d", partition)));
}

static const char *start(const char *image, int partition, const char *entry)
{
	struct spoken spoken = machine_speaks(image, NULL, NULL);

	ASSERT_HAS(spoken.serial, text("bootmgr: from partition %d of disk 0x80\r\n", partition));
	ASSERT_HAS(spoken.serial, text("BOOT OK %s of disk 0x80\r\n", entry));
	return spoken.serial;
}

TEST_CASE(menus_tests, "menus");

TEST_EACH(menus_tests, what_a_menu_leads_to_is_there_before_a_fix_after_it_and_after_undo, menus)
{
	const char *image = image_copy(image_built(menus[_i].recipe, false)), *alone, *serial;
	struct image_digest before = image_digest(image);

	serial = start(image, 1, menus[_i].before);
	assert_there(serial, menus[_i].moved, 1);
	assert_there(serial, menus[_i].stays, 0);
	assert_there(serial, menus[_i].left, 1);
	report_run("fix", image, 0, "fixed", NULL);
	serial = start(image, 2, menus[_i].after);
	assert_there(serial, menus[_i].moved, 2);
	assert_there(serial, menus[_i].stays, 0);
	assert_there(serial, menus[_i].left, 1);
	alone = image_without_first_partition(image);
	serial = start(alone, 2, menus[_i].after);
	assert_there(serial, menus[_i].moved, 2);
	assert_there(serial, menus[_i].stays, 0);
	report_run("undo", image, 0, "undone", NULL);
	image_assert_same(image, &before);
	image_remove(alone);
	image_remove(image);
}

TEST(menus_tests, the_other_windows_can_be_chosen_and_both_still_start)
{
	static const char *const windows[FILES_MAX] = {
		"{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}: \\Windows\\system32\\winload.exe on "
		"partition 2",
		"{6d3e2c40-cce9-11e5-9d3a-0800279c5f11}: \\Windows\\system32\\winload.exe on "
		"partition 3",
		MEMORY_DIAGNOSTIC " on partition 3"};
	const char *image = image_copy(image_built("two-windows", false));

	ASSERT_STATUS(BOOTSHIFT("fix", "--boot-partition", "3", image), 0);
	image = image_without_first_partition(image);
	assert_there(start(image, 3, "Windows 7 from partition 2"), windows, 0);
}
