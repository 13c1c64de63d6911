/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `--rebuild`: boot files that are lost or damaged are made anew from what Windows keeps.  Other
 * people's tools read the result.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/samples.h"
#include "support/report.h"

/* What Windows keeps, on the small sample. */
#define KEPT                                                                                       \
	SAMPLE_SMALL "on windows\n"                                                                \
		     "file \\Windows\\Boot\\PCAT\\bootmgr size=300000 attributes=a "               \
		     "descriptor=windows\n"                                                        \
		     "file \\Windows\\Boot\\PCAT\\bootnxt hex=31 attributes=a\n"                   \
		     "file \\Windows\\Boot\\PCAT\\memtest.exe pe=x86 size=40000 attributes=a\n"    \
		     "file \\Windows\\Boot\\PCAT\\fr-FR\\bootmgr.exe.mui size=9000\n"              \
		     "file \\Windows\\Boot\\Fonts\\wgl4_boot.ttf size=20000\n"                     \
		     "file \\Windows\\Boot\\Resources\\bootres.dll size=5000\n"                    \
		     "file \\Windows\\System32\\fr-FR\\winload.exe.mui size=5000\n"                \
		     "file \\Windows\\System32\\winresume.exe pe=x86 size=5000\n"                  \
		     "file \\Windows\\System32\\config\\BCD-Template hive=template "               \
		     "attributes=a descriptor=system\n"                                            \
		     "hive template root=NewStoreRoot file=BCD-Template\n"                         \
		     "include images/bcd-settings.part\n"                                          \
		     "object {bootmgr} 10100002\n"                                                 \
		     "element 12000002 string \\EFI\\bootmgfw.efi\n"                               \
		     "element 25000004 integer 7\n"

#define NO_BOOTMGR "on system\nremove \\bootmgr\n"
#define NO_SYSTEM  "remove-partition system\n"
#define WINDOWS    "{2f5b0a97-cce8-11e5-9d3a-0800279c5f11}" /* the entry of the small sample */

/* ---- what is lost -------------------------------------------------------------------------- */

static const struct {
	const char *name, *lines, *code;
} lost[] = {
	{"bootmgr-missing", NO_BOOTMGR, "(bootmgr-missing)"},
	{"system-wiped", "on system\nremove \\\npartition system ntfs=no\n", "(not-ntfs)"},
	{"partition-gone", NO_SYSTEM, "(no-active-partition)"},
	{"one-partition", NO_SYSTEM "partition windows active\n", "(bootmgr-missing)"},
	{"bcd-cut", "on system\nfile \\Boot\\BCD size=5000\n", "(bcd-damaged)"},
	{"bootmgr-empty", "on system\nfile \\bootmgr size=0\n", "(bootmgr-damaged)"},
	{"bootmgr-compressed", "on system\nfile \\bootmgr attributes=c\n", "(bootmgr-damaged)"},
	{"bcd-missing", "on system\nremove \\Boot\\BCD\n", "(bcd-missing)"},
	{"menu-empty", "hive bcd\ndelete {bootmgr}\n", "(no-default-entry)"},
	{"code-of-system", NO_BOOTMGR "partition windows boot-record=mkntfs\n",
	 "(bootmgr-missing)"},
};

/* Independent tools look at the results of the first ones. */
#define LOOKED_AT 3

static const char *lost_image(int i)
{
	return image_copy(
		image_recipe(text("lost-%s", lost[i].name), text(KEPT "%s", lost[i].lines)));
}

/* Extracts the volume of Windows, with the sector behind its end. */
static const char *windows_volume(const char *image)
{
	return file_extract(image, "volume", SAMPLE_BOOT_START, SAMPLE_BOOT_SIZE);
}

/* The new store as text, by hivexregedit. */
static const char *store_text(const char *volume)
{
	const char *store = text("%s.bcd", volume);
	char *output =
		image_run(0, "ntfscat -f '%s' /Boot/BCD >'%s' && hivexregedit --export '%s' '\\'",
			  volume, store, store);
	const char *kept = text("%s", output);

	free(output);
	return kept;
}

static void look_at(const char *image)
{
	const char *volume = windows_volume(image);

	free(image_run(0, "ntfsresize -i -f -P '%s' && ntfsfix -n '%s'", volume, volume));
	free(image_run(
		0,
		"cd '%s' && for f in bootmgr:PCAT/bootmgr Boot/memtest.exe:PCAT/memtest.exe "
		"Boot/fr-FR/bootmgr.exe.mui:PCAT/fr-FR/bootmgr.exe.mui "
		"Boot/Fonts/wgl4_boot.ttf:Fonts/wgl4_boot.ttf "
		"Boot/Resources/bootres.dll:Resources/bootres.dll; do "
		"ntfscat -f '%s' /${f%%:*} >new && ntfscat -f '%s' /Windows/Boot/${f#*:} >old "
		"&& test -s old && cmp old new || exit 1; done",
		test_folder(), volume, volume));
	ASSERT_HAS(store_text(volume), "[\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}");
	free(image_run(0, "rm '%s' '%s.bcd'", volume, volume));
}

TEST_CASE(rebuild, "rebuild");

TEST_EACH(rebuild, lost_boot_files_are_made_anew_if_the_user_says_so_and_an_undo_takes_them_away,
	  lost)
{
	const char *image = lost_image(_i);
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", image);
	json_t *inspection;

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, lost[_i].code);
	ASSERT_HAS(outcome.errors, text("bootshift fix --rebuild %s", image));
	state_assert_untouched(image, &before);
	outcome = BOOTSHIFT("fix", "--rebuild", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "fixed: 7 files, ");
	ASSERT_HAS(outcome.output, "(note-rebuild)");
	outcome = BOOTSHIFT("inspect", "--json", image);
	inspection = report_object(report_only(&outcome, "inspect"), "inspection");
	ck_assert(json_is_true(json_object_get(inspection, "starts")));
	ASSERT_HAS(BOOTSHIFT("fix", "--rebuild", image).output, "nothing to do");
	ASSERT_HAS(BOOTSHIFT("verify", image).output, ": whole: ");
	outcome = BOOTSHIFT("inspect", "--changes", image);
	ASSERT_HAS(outcome.output, "copy \\Boot from what Windows keeps: ");
	ASSERT_HAS_NOT(outcome.output, "the partition before and after"); /* a new BCD has none */
	if (_i < LOOKED_AT)
		look_at(image);
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	state_assert_restored(image, &before);
	ASSERT_HAS(BOOTSHIFT("undo", image).output, "nothing to do: ");
	state_assert_restored(image, &before);
	image_remove(image);
}

TEST(rebuild, a_plan_has_the_new_store_and_is_carried_out_and_checked_by_it)
{
	const char *image = lost_image(0);
	const char *plan = text("%s/plan", test_folder());
	struct outcome outcome = BOOTSHIFT("plan", "--rebuild", "-o", plan, image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "make the boot files of partition 2 anew");
	ASSERT_HAS(outcome.output, "copy \\Boot from what Windows keeps: 4 files, ");
	ASSERT_HAS(BOOTSHIFT("fix", "--plan", plan, image).errors, "(bootmgr-missing)");
	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", "--plan", plan, image), 0);
	ASSERT_HAS(BOOTSHIFT("verify", "--plan", plan, image).output, ": whole: ");
	ASSERT_HAS(BOOTSHIFT("accept", image).output, "accepted");
	image_remove(image);
}

/* A later change of a copy is found with the plan.  Without it, nobody knows how the copy was. */
TEST(rebuild, a_new_file_that_was_changed_later_is_not_whole)
{
	const char *image = lost_image(0);
	const char *plan = text("%s/plan", test_folder());
	char *place;

	ASSERT_STATUS(BOOTSHIFT("plan", "--rebuild", "-o", plan, image), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", image), 0);
	place = image_run(
		0,
		"grep -obUaP 'stand-in' '%s' | head -1; ifind -o 83968 -n Boot/memtest.exe '%s'"
		" | xargs -I{} istat -o 83968 '%s' {} | tail -1 | cut -d' ' -f1",
		image, image, image);
	file_flip(image, SAMPLE_BOOT_START + 4096 * strtoull(place, NULL, 10) + 2000);
	free(place);
	ASSERT_HAS(BOOTSHIFT("verify", "--plan", plan, image).output,
		   "\\Boot\\memtest.exe: content");
	ASSERT_HAS(BOOTSHIFT("verify", image).errors, "(no-record)");
	image_remove(image);
}

/* ---- the new menu -------------------------------------------------------------------------- */

/* Text in UTF-16 as hivexregedit writes it, without its end. */
static const char *in_utf16(const char *ascii)
{
	const char *result = "";

	for (; *ascii != '\0'; ascii++)
		result = text("%s%s%02x,00", result, result[0] != '\0' ? "," : "", *ascii);
	return result;
}

TEST(rebuild, what_can_be_read_of_the_old_menu_is_kept)
{
	const char *image = image_copy(image_recipe(
		"lost-menu-kept", KEPT NO_BOOTMGR
		"file \\Windows\\other.exe pe=x86 size=5000\nhive bcd\n"
		"object {bootmgr}\nelement 25000004 integer 171\n"
		"element 24000001 objects {2f5b0a97-cce8-11e5-9d3a-0800279c5f11} "
		"{11111111-cce8-11e5-9d3a-0800279c5f11} {22222222-cce8-11e5-9d3a-0800279c5f11}\n"
		"object " WINDOWS "\nelement 12000004 string \"My old Windows\"\n"
		"element 12000005 string xx-YY\nelement 16000049 boolean yes\n"
		"object {11111111-cce8-11e5-9d3a-0800279c5f11} 10200003\n"
		"element 11000001 partition system\nelement 12000002 string \\Windows\\other.exe\n"
		"element 12000004 string \"Another Windows\"\n"
		"element 23000003 object {33333333-cce8-11e5-9d3a-0800279c5f11}\n"
		"object {22222222-cce8-11e5-9d3a-0800279c5f11} 10200003\n"
		"element 11000001 partition system\nelement 12000002 string "
		"\\Windows\\gone.exe\n"));
	const char *store;

	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", image), 0);
	store = store_text(windows_volume(image));
	ASSERT_HAS(store, in_utf16("My old Windows"));
	ASSERT_HAS(store, in_utf16("xx-YY"));
	ASSERT_HAS(store, WINDOWS "\\Elements\\16000049]\n\"Element\"=hex(3):01");
	ASSERT_HAS(store, "\\25000004]\n\"Element\"=hex(3):ab,00");
	ASSERT_HAS(store, in_utf16("Another Windows"));
	ASSERT_HAS_NOT(store, "{22222222-");
	ASSERT_HAS_NOT(store, in_utf16("{33333333-")); /* leads nowhere */
	ASSERT_HAS_NOT(store, "bootmgfw");
	/* The menu has the two entries, in this order. */
	ASSERT_HAS(store,
		   text("24000001]\n\"Element\"=hex(7):%s,00,00,%s,00,00,00,00", in_utf16(WINDOWS),
			in_utf16("{11111111-cce8-11e5-9d3a-0800279c5f11}")));
	image_remove(image);
}

TEST(rebuild, a_menu_of_which_nothing_is_left_has_the_language_and_the_recovery_that_are_there)
{
	const char *image = image_copy(image_recipe(
		"lost-menu-new", KEPT NO_SYSTEM
		"on windows\nfile \\Recovery\\WindowsRE\\Winre.wim text=MSWIM size=9000\n"
		"file \\Recovery\\WindowsRE\\boot.sdi text=$SDI size=9000\n"));
	const char *store;

	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", image), 0);
	store = store_text(windows_volume(image));
	ASSERT_HAS(store, in_utf16("fr-FR"));
	ASSERT_HAS(store, in_utf16("\\boot\\memtest.exe"));
	ASSERT_HAS(store, in_utf16("\\Windows\\system32\\winresume.exe"));
	ASSERT_HAS(store, in_utf16("\\Recovery\\WindowsRE\\Winre.wim"));
	ASSERT_HAS(store, in_utf16("\\Recovery\\WindowsRE\\boot.sdi"));
	ASSERT_HAS(store, "\\25000004]\n\"Element\"=hex(3):07,00"); /* of the template */
	image_remove(image);
}

/* ---- what is told -------------------------------------------------------------------------- */

TEST(rebuild, the_partition_of_the_recovery_environment_has_to_be_kept)
{
	const char *image =
		image_recipe("lost-recovery", KEPT NO_BOOTMGR
			     "file \\Recovery\\WindowsRE\\Winre.wim text=MSWIM size=9000\n"
			     "file \\Recovery\\WindowsRE\\boot.sdi text=$SDI size=9000\n");

	ASSERT_HAS(BOOTSHIFT("plan", "--rebuild", image).output, "keep partition 1: ");
}

TEST(rebuild, what_it_changed_is_told_later_and_a_new_menu_has_no_changed_element)
{
	const char *image = lost_image(0);
	struct outcome outcome;
	json_t *changes;

	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", image), 0);
	outcome = BOOTSHIFT("inspect", "--changes", image);
	ASSERT_HAS(outcome.output, "make \\Boot\\BCD with ");
	ASSERT_HAS_NOT(outcome.output, "BCD elements that");
	outcome = BOOTSHIFT("inspect", "--changes", "--json", image);
	changes = report_object(report_only(&outcome, "inspect"), "changes");
	ck_assert(json_is_true(json_object_get(changes, "known")));
	ck_assert_uint_eq(json_array_size(json_object_get(changes, "elements")), 0);
	image_remove(image);
}

/* ---- what cannot be done ------------------------------------------------------------------- */

#define TEMPLATE "\\Windows\\System32\\config\\BCD-Template"

static const struct {
	const char *name, *lines, *code, *words;
} bad[] = {
	{"template-cut", NO_BOOTMGR "on windows\nfile " TEMPLATE " size=5000\n",
	 "(rebuild-source-unsuitable)", TEMPLATE},
	{"template-missing", NO_BOOTMGR "on windows\nremove " TEMPLATE "\n",
	 "(rebuild-source-unsuitable)", TEMPLATE " is missing"},
	{"template-no-store", NO_BOOTMGR "hive template\ndelete {bootloadersettings}\n",
	 "(rebuild-source-unsuitable)", "it has no settings"},
	{"nothing-kept", NO_BOOTMGR "on windows\nremove \\Windows\\Boot\n",
	 "(rebuild-source-unsuitable)", "\\Windows\\Boot\\PCAT\\bootmgr is missing"},
	{"kept-of-uefi", NO_BOOTMGR "on windows\nfile \\Windows\\Boot\\PCAT\\bootmgr pe=amd64\n",
	 "(rebuild-source-unsuitable)", "is a program of Windows or UEFI"},
	{"kept-empty", NO_BOOTMGR "on windows\nfile \\Windows\\Boot\\PCAT\\bootmgr size=0\n",
	 "(rebuild-source-unsuitable)", "is empty"},
	{"loader-of-arm",
	 NO_BOOTMGR "on windows\npatch \\Windows\\System32\\winload.exe 0x84 hex=64AA\n",
	 "(rebuild-source-unsuitable)", "0xaa64"},
	{"no-loader", NO_BOOTMGR "on windows\nremove \\Windows\\System32\\winload.exe\n",
	 "(winload-missing)", "winload.exe"},
	{"no-mbr-code", NO_BOOTMGR "disk boot-code=no\n", "(mbr-code-missing)", "no code"},
	{"no-boot-code",
	 NO_BOOTMGR "partition system boot-record=mkntfs\npartition windows boot-record=mkntfs\n",
	 "(boot-code-missing)", "neither"},
	{"kept-encrypted", NO_BOOTMGR "on windows\nfolder \\Windows\\Boot\\Fonts attributes=e\n",
	 "(boot-file-unsupported)", "\\Boot\\Fonts is encrypted"},
	{"hibernated", NO_BOOTMGR "on windows\nfile \\hiberfil.sys text=hibr size=8192\n",
	 "(hibernated)", "Windows is hibernated"},
	{"no-room", NO_BOOTMGR "on windows\nfile \\full free=400K\n", "(no-room)", "free"},
	{"two-windows",
	 "on system\nremove \\bootmgr\nremove \\Boot\n"
	 "file \\Windows\\System32\\winload.exe pe=x86 size=9000\n",
	 "(rebuild-needs-choice)", "2 partitions have a Windows"},
	{"windows-is-active",
	 "partition system active=no\npartition windows active\n"
	 "on system\nremove \\bootmgr\n",
	 "(rebuild-needs-choice)", "Windows is on the active partition 2"},
};

TEST_EACH(rebuild, what_no_new_boot_files_can_be_made_of_is_refused_and_left_alone, bad)
{
	const char *image = image_copy(
		image_recipe(text("bad-%s", bad[_i].name), text(KEPT "%s", bad[_i].lines)));
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", "--rebuild", image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, bad[_i].code);
	ASSERT_HAS(outcome.errors, bad[_i].words);
	state_assert_untouched(image, &before);
	image_remove(image);
}

/* On the active partition, new boot files need the choice of the user, if there is another one. */
TEST(rebuild, a_chosen_partition_may_be_the_active_one)
{
	const char *image =
		image_copy(image_recipe("bad-windows-is-active", KEPT
					"partition system active=no\npartition windows active\n"
					"on system\nremove \\bootmgr\n"));
	struct image_state before = state_take(image);

	/* A system partition is no choice of the partition to write to. */
	ASSERT_HAS(BOOTSHIFT("fix", "--rebuild", "--system-partition", "2", image).errors,
		   "(rebuild-needs-choice)");
	state_assert_untouched(image, &before);
	ASSERT_STATUS(BOOTSHIFT("fix", "--rebuild", "--boot-partition", "2", image), 0);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "the disk should start");
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	state_assert_restored(image, &before);
	image_remove(image);
}

TEST(rebuild, an_option_changes_nothing_where_the_boot_files_are_good)
{
	const char *image = image_copy(image_recipe("lost-nothing", KEPT));
	struct outcome outcome = BOOTSHIFT("fix", "--rebuild", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "fixed: 3 files, ");
	ASSERT_HAS_NOT(outcome.output, "note-rebuild");
	image_remove(image);
}

TEST(rebuild, a_batch_makes_boot_files_anew)
{
	const char *image = lost_image(0);
	struct outcome outcome = BOOTSHIFT("batch", "--rebuild", "--need", "1M", image);

	ASSERT_HAS(outcome.output, ": fixed in ");
	ASSERT_HAS(outcome.output, "(1 did not start)");
	ASSERT_HAS(outcome.output, "Next: start the disks; keep the undo files");
	ASSERT_HAS_NOT(outcome.output, "had room enough");
	image_remove(image);
}
