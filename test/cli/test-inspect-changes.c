/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inspect --changes: what exactly a fix has changed, judged by a comparison of the bytes. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

/* The only image of "inspect --changes --json". */
static json_t *changes_result(const char *image, int status)
{
	struct outcome outcome = BOOTSHIFT("inspect", "--changes", "--json", image);

	ASSERT_STATUS(outcome, status);
	return report_only(&outcome, "inspect");
}

static json_t *changes_of(const char *image)
{
	return report_object(changes_result(image, 0), "changes");
}

/* Whether a byte of the image lies in one of the ranges, which are in order. */
static bool ranges_have(const json_t *ranges, long long offset)
{
	size_t i;
	json_t *range;

	json_array_foreach (ranges, i, range)
		if (offset >= report_number(range, "offset") &&
		    offset < report_number(range, "offset") + report_number(range, "length"))
			return true;
	return false;
}

/* Compares both images with cmp(1): every byte that differs lies in a range. */
static void assert_ranges(const json_t *ranges, const char *before, const char *after)
{
	char *differing = image_run(
		0, "cmp -l '%s' '%s' 2>&1 | awk '{print int(($1-1)/512)}' | uniq", before, after);
	unsigned count = 0;

	for (char *line = strtok(differing, "\n"); line; line = strtok(NULL, "\n"), count++)
		ck_assert_msg(ranges_have(ranges, atoll(line) * 512), "sector %s", line);
	ck_assert_uint_gt(count, 10);
	free(differing);
}

static void assert_moved(const json_t *result)
{
	const json_t *changes = report_object(result, "changes");
	const json_t *elements = json_object_get(changes, "elements");
	const json_t *plan = report_object(result, "plan");

	ck_assert(json_is_true(json_object_get(changes, "known")));
	ck_assert_uint_eq(json_array_size(json_object_get(result, "differences")), 0);
	ck_assert_uint_gt(json_array_size(json_object_get(plan, "files")), 1);
	ck_assert_uint_ge(json_array_size(elements), 2);
	ck_assert_int_eq(report_number(json_array_get(elements, 0), "before"), 1 << 20);
	ck_assert_int_eq(report_number(json_array_get(elements, 0), "after"), SAMPLE_BOOT_START);
}

TEST_CASE(inspect_changes, "inspect --changes");

TEST(inspect_changes, all_that_a_fix_changed_is_told_and_nothing_else_was_changed)
{
	const char *before = image_recipe("small", SAMPLE_SMALL), *image = small_image();
	struct image_digest fixed;
	const json_t *result;
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	fixed = image_digest(image);
	result = changes_result(image, 0);
	ck_assert_str_eq(report_text(result, "status"), "nothing-to-do");
	assert_moved(result);
	assert_ranges(json_object_get(report_object(result, "changes"), "ranges"), before, image);
	outcome = BOOTSHIFT("inspect", "--changes", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "What the fix of 2");
	ASSERT_HAS(outcome.output, "copy \\bootmgr");
	ASSERT_HAS(outcome.output, "BCD elements that named partition 1 and name partition 2 now:");
	ASSERT_HAS(outcome.output, "Bytes of the image file:");
	ASSERT_HAS_NOT(outcome.output, "not the fix's change");
	image_assert_same(image, &fixed);
}

/* The undo file knows which partition was chosen: the active one. */
TEST(inspect_changes, a_choice_of_the_fix_is_not_asked_for_again)
{
	const char *image = image_copy(image_built("locate-two-windows", false));

	ASSERT_HAS(BOOTSHIFT("inspect", image).output, "bootshift fix needs the same option");
	ASSERT_STATUS(BOOTSHIFT("fix", "--boot-partition", "2", image), 0);
	/* Its boot menu names no partition, so no element changes. */
	ck_assert(json_is_true(json_object_get(changes_of(image), "known")));
	image_remove(image);
}

TEST_CASE(started_changes, "inspect --changes --prove", .tags = "slow");

TEST(started_changes, the_disk_is_started_if_the_user_wants_that)
{
	const char *image = small_image();
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	outcome = BOOTSHIFT("inspect", "--changes", "--prove", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "Start in a virtual machine: ");
	ASSERT_HAS(outcome.output, "What the fix of 2");
	image_remove(image);
}

TEST(inspect_changes, a_container_is_shown_as_it_was_too)
{
	const char *image = small_image();

	free(image_run(0, "qemu-img convert -O qcow2 '%s' '%s.q' && mv '%s.q' '%s'", image, image,
		       image, image));
	report_run("fix", image, 0, "fixed", NULL);
	assert_moved(changes_result(image, 0));
}

TEST(inspect_changes, what_was_written_since_is_never_called_the_fixs_change)
{
	const char *image = small_image();
	const json_t *changes, *ranges;
	long long last;
	struct outcome outcome;
	int descriptor;

	report_run("fix", image, 0, "fixed", NULL);
	ranges = json_object_get(changes_of(image), "ranges");
	last = report_number(json_array_get(ranges, json_array_size(ranges) - 1), "offset");
	descriptor = open(image, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(descriptor, "Windows", 7, last), 7);
	ck_assert_int_eq(close(descriptor), 0);
	changes = changes_of(image);
	ck_assert(json_is_false(json_object_get(changes, "known")));
	ck_assert_str_eq(report_text(changes, "code"), "changed-since-fix");
	ck_assert_uint_eq(json_array_size(json_object_get(changes, "ranges")),
			  json_array_size(ranges));
	outcome = BOOTSHIFT("inspect", "--changes", image);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "was written to since");
	ASSERT_HAS_NOT(outcome.output, "copy \\bootmgr");
}

TEST(inspect_changes, a_signature_that_was_given_back_is_told)
{
	const char *image = image_copy(image_built("signature-changed-fixed", false));
	const json_t *result;

	report_run("fix", image, 0, "fixed", NULL);
	result = changes_result(image, 0);
	ck_assert(json_is_true(json_object_get(report_object(result, "changes"), "known")));
	ck_assert_uint_eq(
		json_array_size(json_object_get(report_object(result, "changes"), "ranges")), 1);
	ASSERT_HAS(BOOTSHIFT("inspect", "--changes", image).output, "give the disk its signature");
}

TEST(inspect_changes, an_image_that_was_not_fixed_is_refused)
{
	const char *image = small_image();

	ck_assert_str_eq(report_text(changes_result(image, 3), "code"), "no-undo-file");
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", "--changes", image).errors, "bootshift undo");
	ASSERT_STATUS(BOOTSHIFT("inspect", "--undo-file", "x.bootshift-undo", image), 2);
}
