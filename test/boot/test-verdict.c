/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What inspect says of every sample, "starts" or not, against what a machine makes of it.
 */
#include <glob.h>
#include <stdlib.h>

#include "support/images.h"
#include "support/machine.h"
#include "support/report.h"

/* What a BIOS shows that has found nothing to start. */
#define NOTHING "No bootable device"

/* The MBR of the GPT sample has no code but 55 AA, so a BIOS starts zeros and hangs. */
static bool machine_starts(const char *name, const char *image)
{
	if (strcmp(name, "gpt") == 0)
		return false;
	return strstr(machine_run(image, NULL, NOTHING).serial, "BOOT OK") != NULL;
}

static bool inspect_says_so(const char *image)
{
	struct outcome outcome = BOOTSHIFT("inspect", "--json", image);
	json_t *report = report_only(&outcome, "inspect");

	return json_is_true(json_object_get(report_object(report, "inspection"), "starts"));
}

static const char *recipe_name(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return text("%.*s", (int)strcspn(name, "."), name);
}

START_TEST(inspect_tells_of_every_sample_whether_it_starts)
{
	glob_t recipes;

	ck_assert_int_eq(glob("images/*.recipe", 0, NULL, &recipes), 0);
	for (size_t i = 0; i < recipes.gl_pathc; i++) {
		const char *name = recipe_name(recipes.gl_pathv[i]);
		const char *image = image_built(name, false);
		bool starts = machine_starts(name, image);

		/* Windows 7's MBR takes the first of two; others refuse them, so inspect does. */
		if (strcmp(name, "two-active") == 0)
			ck_assert(starts && !inspect_says_so(image));
		else
			ck_assert_msg(inspect_says_so(image) == starts, "%s: %s", name,
				      starts ? "starts" : "does not start");
	}
	globfree(&recipes);
}
END_TEST

Suite *verdict_suite(void);

Suite *verdict_suite(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tests = tcase_create("verdict");

	images_prepare();
	tcase_set_timeout(tests, 600);
	tcase_add_test(tests, inspect_tells_of_every_sample_whether_it_starts);
	suite_add_tcase(suite, tests);
	return suite;
}
