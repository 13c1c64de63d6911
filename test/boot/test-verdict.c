/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares the verdict of `inspect` on every sample (the disk starts; the disk would start after a
 * fix) with what a virtual machine does with the disk.
 */
#include <glob.h>
#include <stdlib.h>

#include "support/images.h"
#include "support/machine.h"
#include "support/report.h"

/* A part of the message of a BIOS that finds nothing to start, and of mkntfs's boot code. */
#define NOTHING "bootable d"

static glob_t recipes;

/* Called before the tests run. */
static int recipe_count(void)
{
	if (glob("images/*.recipe", 0, NULL, &recipes) != 0)
		abort();
	return (int)recipes.gl_pathc;
}

static const char *recipe_name(int i)
{
	const char *name = strrchr(recipes.gl_pathv[i], '/') + 1;

	return text("%.*s", (int)strcspn(name, "."), name);
}

/* An MBR without code still has 55 AA, so a BIOS starts zeros and hangs. */
static bool machine_starts(const char *name, const char *image)
{
	if (strcmp(name, "gpt") == 0 || strcmp(name, "no-mbr-code") == 0)
		return false;
	return strstr(machine_speaks(image, NULL, NOTHING).serial, "BOOT OK") != NULL;
}

/* A verdict of null promises nothing. */
static void assert_starts_as_told(const char *name, const char *image, const json_t *told,
				  const char *when)
{
	if (json_is_null(told))
		return;
	ck_assert(json_is_boolean(told));
	ck_assert_msg(machine_starts(name, image) == json_is_true(told),
		      "%s %s: inspect says that it %s", name, when,
		      json_is_true(told) ? "starts" : "does not start");
}

TEST_CASE(verdict, "verdict", .tags = "verdict");

TEST_LOOP(verdict, inspect_tells_of_a_sample_whether_it_starts_today_and_after_a_fix, 0,
	  recipe_count())
{
	const char *name = recipe_name(_i), *image = image_built(name, false), *copy;
	struct outcome outcome = BOOTSHIFT("inspect", "--json", image);
	json_t *result = report_only(&outcome, "inspect");
	json_t *inspection = report_object(result, "inspection");
	json_t *starts = json_object_get(inspection, "starts");
	json_t *starts_after = json_object_get(inspection, "starts_after");

	if (strcmp(name, "two-active") == 0) { /* Windows 7's MBR starts the first, others refuse */
		ck_assert(machine_starts(name, image) && json_is_false(starts));
		ASSERT_STATUS(BOOTSHIFT("boot", image), 0);
		return;
	}
	assert_starts_as_told(name, image, starts, "today");
	if (strcmp(report_text(result, "status"), "nothing-to-do") == 0)
		ck_assert(json_equal(starts_after, starts));
	if (strcmp(report_text(result, "status"), "would-fix") != 0)
		return;
	copy = image_copy(image);
	report_run("fix", copy, 0, "fixed", NULL);
	assert_starts_as_told(name, copy, starts_after, "after a fix");
	image_remove(copy);
}
