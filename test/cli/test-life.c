/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fixable image is inspected, fixed, fixed again and undone. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

static void assert_moved(const json_t *inspection)
{
	ck_assert_str_eq(report_text(inspection, "verdict"), "nothing-to-do");
	ck_assert_int_eq(report_number(inspection, "system_partition"), 2);
	ck_assert_int_eq(report_number(inspection, "boot_partition"), 2);
	ck_assert(json_is_true(json_object_get(inspection, "starts")));
}

TEST_CASE(life, "life");

TEST_LOOP(life, looking_touches_nothing, 0, 1)
{
	const char *image = sample_copy(_i);
	struct image_state before = state_take(image);
	struct outcome inspection = BOOTSHIFT("inspect", image);
	struct outcome plan = BOOTSHIFT("plan", image);
	struct outcome rehearsal = BOOTSHIFT("fix", "--dry-run", image);

	ASSERT_STATUS(inspection, 0);
	ASSERT_HAS(inspection.output, "Boot chain: ");
	ASSERT_HAS(inspection.output, "bootshift fix ");
	ASSERT_STATUS(plan, 0);
	ASSERT_HAS(plan.output, "move the boot files from partition 1 to partition 2\n");
	ASSERT_HAS(plan.output, "copy \\bootmgr: 1 file");
	ASSERT_HAS(plan.output, "point 2 elements of \\Boot\\BCD to partition 2");
	ASSERT_HAS(plan.output, "Nothing was written.\n");
	ASSERT_STATUS(rehearsal, 0);
	ASSERT_HAS(rehearsal.output, ": would be fixed: ");
	report_run("inspect", image, 0, "would-fix", NULL);
	report_run("plan", image, 0, "would-fix", NULL);
	state_assert_untouched(image, &before);
	image_remove(image);
}

/* Null: unknown. */
static const struct {
	const char *recipe, *starts, *starts_after, *words;
} chains[] = {
	{"windows-7", "true", "true", "complete, the disk should start"},
	{"system-without-boot-code", "false", "true",
	 "broken, the disk would not start; a fix repairs it"},
	{"no-mbr-code", "false", "false", "broken, the disk would not start"},
	{"bitlocker", "null", "null", "no link is broken, but not all could be checked"},
	{"unknown-mbr", "null", "null", "no link is broken, but not all could be checked"},
	{NULL, "false", "null", "broken, the disk would not start; a fix may repair it"},
};

static void assert_answer(const json_t *inspection, const char *field, const char *expected)
{
	char *answer = json_dumps(json_object_get(inspection, field), JSON_ENCODE_ANY);

	ck_assert_str_eq(answer, expected);
	free(answer);
}

TEST_EACH(life, it_is_told_whether_a_disk_starts_or_that_this_cannot_be_told, chains)
{
	const char *image = chains[_i].recipe != NULL
				    ? image_built(chains[_i].recipe, false)
				    : image_recipe("unknown-and-broken",
						   "include images/unknown-mbr.recipe\n"
						   "partition system boot-record=mkntfs\n");
	struct outcome plain = BOOTSHIFT("inspect", image);
	struct outcome json = BOOTSHIFT("inspect", "--json", image);
	json_t *inspection = report_object(report_only(&json, "inspect"), "inspection");

	ASSERT_HAS(plain.output, text("Boot chain: %s\n", chains[_i].words));
	assert_answer(inspection, "starts", chains[_i].starts);
	assert_answer(inspection, "starts_after", chains[_i].starts_after);
}

TEST_LOOP(life, undo_gives_back_every_byte_and_hole, 0, 2)
{
	const char *image = sample_copy(_i);
	struct image_state before = state_take(image);
	struct outcome outcome = BOOTSHIFT("fix", image);
	const char *undo_file = text("%s.bootshift-undo", image);

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, text("%s: fixed: ", image));
	ASSERT_HAS(outcome.output, text("Undo file: %s\n", undo_file));
	ck_assert_str_eq(outcome.errors, "");
	ck_assert_int_eq(access(undo_file, F_OK), 0);

	outcome = BOOTSHIFT("undo", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, text("%s: undone in ", image));
	state_assert_restored(image, &before);
	image_remove(image);
}

TEST_LOOP(life, a_fixed_image_needs_no_other_fix, 0, 3)
{
	const char *image = sample_copy(_i);
	struct image_state fixed;
	struct outcome again;
	json_t *result = report_run("fix", image, 0, "fixed", NULL);

	ck_assert_str_eq(report_text(result, "undo_file"), text("%s.bootshift-undo", image));
	ck_assert_int_gt(report_number(result, "container_bytes"), 0);
	ck_assert_int_gt(report_number(result, "container_extents"), 0);
	ck_assert_str_eq(report_text(report_object(result, "inspection"), "format"),
			 samples[_i].vhd ? "vhd" : "raw");

	fixed = state_take(image);
	result = report_run("inspect", image, 0, "nothing-to-do", NULL);
	assert_moved(report_object(result, "inspection"));
	report_run("plan", image, 0, "nothing-to-do", NULL);
	report_run("fix", image, 0, "nothing-to-do", NULL);
	again = BOOTSHIFT("fix", image);
	ASSERT_STATUS(again, 0);
	ASSERT_HAS(again.output, ": nothing to do: ");
	state_assert_untouched(image, &fixed);
	image_remove(image);
}

TEST_LOOP(life, an_image_that_needs_no_fix_is_left_alone, 0, 2)
{
	static const struct {
		const char *recipe;
		int partition;
	} images[] = {{"already-fixed", 2}, {"single-partition", 1}};
	const char *image = image_copy(image_built(images[_i].recipe, false));
	struct image_state before = state_take(image);
	json_t *result = report_run("fix", image, 0, "nothing-to-do", NULL);
	json_t *inspection = report_object(result, "inspection");

	ck_assert_int_eq(report_number(inspection, "system_partition"), images[_i].partition);
	ck_assert_int_eq(report_number(inspection, "boot_partition"), images[_i].partition);
	ck_assert(json_is_null(json_object_get(result, "undo_file")));
	report_run("inspect", image, 0, "nothing-to-do", NULL);
	report_run("plan", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 3, "refused", "no-undo-file");
	state_assert_untouched(image, &before);
	image_remove(image);
}

TEST(life, an_undone_image_can_be_fixed_again)
{
	const char *image = windows_7();
	struct image_state before = state_take(image);

	for (int turn = 0; turn < 3; turn++) {
		report_run("fix", image, 0, "fixed", NULL);
		report_run("undo", image, 0, "undone", NULL);
	}
	report_run("undo", image, 0, "nothing-to-do", NULL);
	state_assert_restored(image, &before);
}

TEST(life, an_undo_file_in_the_way_stops_the_next_fix)
{
	const char *image = windows_7(), *undo_file = text("%s.bootshift-undo", image);
	const char *kept = text("%s.kept", undo_file);
	struct image_state before;

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("cp", undo_file, kept), 0);
	report_run("undo", image, 0, "undone", NULL);
	ASSERT_STATUS(RUN("mv", kept, undo_file), 0);
	before = state_take(image);
	report_run("fix", image, 3, "refused", "undo-file-exists");
	state_assert_untouched(image, &before);
}

TEST_CASE(other_samples, "other samples", .tags = "slow");
TEST_ALSO(other_samples, looking_touches_nothing, 1, 3);
TEST_ALSO(other_samples, undo_gives_back_every_byte_and_hole, 2, SAMPLE_COUNT);
