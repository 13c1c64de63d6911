/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user must know is told by each command that acts: what has to be kept, what comes next,
 * and whether the conversion needs the fix at all.
 */
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

#define KEEP                                                                                       \
	"keep partition 1: the recovery environment (\\Recovery\\WindowsRE\\Winre.wim)\n"          \
	"      stays there, and 3 BCD elements still point to it\n"

static bool json_has_note(const json_t *result, const char *code)
{
	json_t *findings = report_object(report_object(result, "inspection"), "findings");
	json_t *finding;
	size_t i;

	json_array_foreach (findings, i, finding)
		if (strcmp(report_text(finding, "code"), code) == 0)
			return json_is_false(json_object_get(finding, "blocks"));
	return false;
}

TEST_CASE(told, "told");

TEST(told, each_command_says_that_the_recovery_environment_stays_on_the_old_partition)
{
	const char *image = image_copy(image_built("windows-10", false));

	ASSERT_HAS(BOOTSHIFT("inspect", image).output, KEEP);
	ASSERT_HAS(BOOTSHIFT("plan", image).output, KEEP);
	ASSERT_HAS(BOOTSHIFT("fix", "--dry-run", image).output, KEEP);
	ck_assert(json_has_note(report_run("plan", image, 0, "would-fix", NULL),
				"note-stays-on-system-volume"));
	ASSERT_HAS(BOOTSHIFT("fix", image).output, KEEP);
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	ck_assert(json_has_note(report_run("fix", image, 0, "fixed", NULL),
				"note-stays-on-system-volume"));
	image_remove(image);
}

TEST(told, whoever_looks_after_the_fix_hears_that_the_old_partition_must_stay)
{
	static const char still[] = "keep partition 1: the recovery environment";
	const char *image = image_copy(image_built("windows-10", false));

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, still);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "keep partition 1: an undo needs it\n");
	ASSERT_HAS(BOOTSHIFT("plan", image).output, still);
	ASSERT_HAS(BOOTSHIFT("fix", image).output, still);
	ck_assert(json_has_note(report_run("inspect", image, 0, "nothing-to-do", NULL),
				"note-stays-on-system-volume"));
	image_remove(image);
}

TEST(told, after_a_fix_the_screen_says_whether_the_old_partition_may_be_deleted)
{
	const char *old = image_copy(image_built("windows-10", false));
	const char *plain = windows_7();

	ASSERT_HAS(BOOTSHIFT("fix", old).output, "Never delete partition 1: it is still used");
	ASSERT_HAS(BOOTSHIFT("fix", plain).output,
		   "keep the undo\n  file and partition 1: an undo needs both.");
	/* The second sentence is true: without the partition, an undo is refused. */
	ASSERT_STATUS(RUN("sfdisk", "--delete", plain, "1"), 0);
	ASSERT_HAS(BOOTSHIFT("undo", plain).errors, "(changed-since-fix)");
	image_remove(old);
	image_remove(plain);
}

TEST(told, the_way_back_that_a_fix_shows_can_be_typed)
{
	const char *image = small_image();
	const char *folder = text("%s/the way back", images_folder());
	struct image_state before = state_take(image);
	struct outcome outcome;
	const char *command;

	ASSERT_STATUS(RUN("mkdir", "-m", "700", folder), 0);
	outcome = BOOTSHIFT("fix", "--undo-dir", folder, image);
	command = strstr(outcome.output, "bootshift undo ");
	ck_assert_ptr_nonnull(command);
	ASSERT_HAS(outcome.output, "  To undo the fix: bootshift undo --undo-dir ");
	outcome = RUN("sh", "-c",
		      text("'%s'%.*s", bootshift_path(),
			   (int)(strcspn(command, "\n") - strlen("bootshift")),
			   command + strlen("bootshift")));
	ASSERT_STATUS(outcome, 0);
	state_assert_restored(image, &before);
}

TEST(told, several_images_get_the_next_step_once_and_a_quiet_fix_gets_none)
{
	const char *one = small_image(), *other = small_image(), *third = small_image();
	struct outcome outcome = BOOTSHIFT("fix", one, other);
	const char *next = strstr(outcome.output, "Next: ");

	ASSERT_STATUS(outcome, 0);
	ck_assert_ptr_nonnull(next);
	ck_assert_ptr_null(strstr(next + 1, "Next: "));
	ASSERT_HAS(next, "To undo a fix: bootshift undo IMAGE\n");
	ck_assert_str_eq(BOOTSHIFT("fix", "-q", third).output, "");
	/* Nothing was fixed, so nothing comes next. */
	ASSERT_HAS_NOT(BOOTSHIFT("fix", one).output, "Next: ");
	ASSERT_HAS_NOT(BOOTSHIFT("fix", one, other).output, "Next: ");
}

TEST(told, each_command_says_that_the_room_would_be_too_small_also_after_the_fix)
{
	const char *image = small_image();
	const char *note = "    \u2022 after the fix, partition 2 has ";

	ASSERT_HAS(BOOTSHIFT("plan", "--pe-size", "10GB", image).output, note);
	ASSERT_HAS(BOOTSHIFT("fix", "--pe-size", "10GB", image).output, note);
	ASSERT_HAS(BOOTSHIFT("fix", "--pe-size", "10GB", image).output,
		   "    \u2022 partition 2 has ");
	ASSERT_HAS_NOT(BOOTSHIFT("fix", image).output, "note-room");
}

/* ---- needed and possible ------------------------------------------------------------------- */

static const struct {
	const char *recipe, *needs, *words;
} needs[] = {
	{"windows-7", "true", "\n  Next: bootshift fix "},
	{"windows-10", "false", "\n  Not needed for the conversion; possible:\n  bootshift fix "},
	{"bitlocker-system", "null",
	 "\n  Next: follow the advice above; until then, bootshift fix would refuse"},
};

TEST_EACH(told, whether_the_conversion_needs_a_fix_is_told_apart_from_whether_one_is_possible,
	  needs)
{
	const char *image = image_built(needs[_i].recipe, false);
	struct outcome json = BOOTSHIFT("inspect", "--json", image);
	json_t *inspection = report_object(report_only(&json, "inspect"), "inspection");
	char *answer =
		json_dumps(json_object_get(inspection, "conversion_needs_fix"), JSON_ENCODE_ANY);

	ck_assert_str_eq(answer, needs[_i].needs);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, needs[_i].words);
	free(answer);
}

TEST(told, a_plan_says_that_the_conversion_does_not_need_it)
{
	ASSERT_HAS(BOOTSHIFT("plan", image_built("windows-10", false)).output,
		   "needs 119 MiB, so it does not need the fix.\n");
	ASSERT_HAS(BOOTSHIFT("plan", image_built("windows-7", false)).output, "needs 119 MiB.\n");
}

/* A fix that makes the disk start is worth more than the room. */
TEST(told, a_fix_that_repairs_the_boot_chain_is_not_called_needless)
{
	const char *image =
		image_recipe("room-but-broken", "include images/windows-10.recipe\n"
						"partition system boot-record=mkntfs\n");

	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "\n  Next: bootshift fix ");
}

/* ---- chosen partitions --------------------------------------------------------------------- */

TEST(told, a_chosen_partition_that_does_not_exist_is_told_with_those_that_do)
{
	const char *image = image_built("windows-7", false);
	struct outcome outcome = BOOTSHIFT("inspect", "--system-partition", "3", image);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.output,
		   "Boot chain: not followed, because the chosen partition does not exist\n");
	ASSERT_HAS(outcome.output, "there is no primary partition 3, only 1 and 2\n");
	ASSERT_HAS(outcome.errors, "there is no primary partition 3, only 1 and 2 (");
	outcome = BOOTSHIFT("inspect", "--boot-partition", "3", image);
	ASSERT_HAS(outcome.output, "partition 2, which the boot menu starts; partition 3");
	ASSERT_HAS(outcome.errors, "there is no partition 3, only 1 and 2 (");
}

TEST(told, a_chain_that_is_not_that_of_the_chosen_partition_says_so)
{
	struct outcome outcome =
		BOOTSHIFT("inspect", "--system-partition", "2", image_built("windows-7", false));

	ASSERT_HAS(outcome.output, "partition 1; the next links are those of partition 2");
	ASSERT_HAS(outcome.errors, "the chosen system volume (partition 2) has no \\bootmgr (");
	ASSERT_HAS(BOOTSHIFT("inspect", "--boot-partition", "3", image_built("two-windows", false))
			   .output,
		   "which the boot menu starts; partition 3");
}

TEST(told, a_wrong_choice_of_a_partition_is_advised_to_choose_another)
{
	const char *image = image_built("windows-7", false);
	struct outcome outcome = BOOTSHIFT("fix", "--system-partition", "2", image);

	ASSERT_HAS(outcome.errors, "; leave out --system-partition (partition 1 is then used)");
	ASSERT_HAS_NOT(outcome.errors, "bcdboot");
	ASSERT_HAS(BOOTSHIFT("fix", "--boot-partition", "1", image).errors,
		   "; leave out --boot-partition (partition 2 is then used)");
	outcome = BOOTSHIFT("inspect", "--system-partition", "2", image);
	ASSERT_HAS(outcome.output,
		   "Boot chain: that of the chosen partition, not of the active one\n");
	ASSERT_HAS(BOOTSHIFT("inspect", "--system-partition", "7", image).errors,
		   text("to see them: bootshift inspect %s\n", image));
}

/* ---- what follows from another fault ------------------------------------------------------- */

TEST(told, a_volume_that_was_cut_off_is_not_called_foreign)
{
	const char *image = image_copy(image_built("windows-7", false));
	struct outcome outcome;

	ASSERT_STATUS(RUN("truncate", "-s", "400M", image), 0);
	outcome = BOOTSHIFT("inspect", image);
	ASSERT_HAS(outcome.output, "(disk-cut-short)");
	ASSERT_HAS_NOT(outcome.output, "not-ntfs");
	image_remove(image);
}

/* ---- an image that is fixed ---------------------------------------------------------------- */

TEST(told, a_plan_of_a_fixed_image_says_how_to_undo_the_fix)
{
	const char *image = small_image(), *file = text("%s/none.json", images_folder());
	const char *undo = text("; to undo: bootshift undo %s\n", image);
	const char *command = text("bootshift undo %s", image);
	struct outcome outcome;
	json_t *result;

	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	outcome = BOOTSHIFT("plan", "-o", file, image);
	ASSERT_HAS(outcome.output, undo);
	ASSERT_HAS(outcome.output, "so no plan was written.\n");
	ck_assert_int_ne(access(file, F_OK), 0);
	ASSERT_HAS(BOOTSHIFT("fix", "--dry-run", image).output, undo);
	result = report_run("inspect", image, 0, "nothing-to-do", NULL);
	ck_assert_str_eq(report_text(result, "undo_command"), command);
}

TEST(told, several_fixes_with_an_undo_folder_end_with_a_command_that_names_it)
{
	const char *folder = text("%s/several", images_folder());

	ASSERT_STATUS(RUN("mkdir", "-m", "700", folder), 0);
	ASSERT_HAS(BOOTSHIFT("fix", "--undo-dir", folder, small_image(), small_image()).output,
		   text("To undo a fix: bootshift undo --undo-dir %s IMAGE\n", folder));
}

TEST(told, an_undo_of_an_image_without_an_undo_file_says_why_there_may_be_none)
{
	ASSERT_HAS(
		BOOTSHIFT("undo", image_built("single-partition", false)).errors,
		"; the image was never fixed, or its fix was accepted or undone (no-undo-file); ");
}

TEST(told, a_fix_says_that_the_conversion_does_not_need_it)
{
	const char *image = image_copy(image_built("windows-10", false));
	struct outcome outcome = BOOTSHIFT("fix", "--dry-run", image);

	ASSERT_HAS(outcome.output, "; rehearsed and verified in ");
	ASSERT_HAS(outcome.output, "The conversion does not need the fix: it needs 119 MiB");
	ASSERT_HAS(BOOTSHIFT("fix", image).output, "The conversion did not need the fix: ");
	image_remove(image);
}

TEST(told, a_plan_that_goes_nowhere_is_not_named_as_a_file)
{
	const char *image = small_image();

	ASSERT_HAS_NOT(BOOTSHIFT("plan", "-o", "/dev/null", image).output, "To do exactly this");
}

TEST(told, one_screen_shows_sizes_in_one_way)
{
	const char *image = image_built("windows-10", false);

	ASSERT_HAS(BOOTSHIFT("inspect", "--pe-size", "10GB", image).output, "needs 9.3 GiB on");
	ASSERT_HAS_NOT(BOOTSHIFT("plan", "--pe-size", "10GB", image).output, "9537 MiB");
}
