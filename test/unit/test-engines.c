/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The survey of every sample with both engines.  test-opinion.c does this for some. */
#include <glob.h>
#include <stdio.h>

#include "unit/engines-fixture.h"

TEST_CASE(engines, "engines", .once_setup = open_appliance, .once_teardown = close_appliance,
	  .tags = "engines");

TEST(engines, both_find_the_same_in_each_sample)
{
	glob_t recipes;

	ck_assert_int_eq(glob("images/*.recipe", 0, NULL, &recipes), 0);
	ck_assert_uint_gt(recipes.gl_pathc, 70);
	for (size_t i = 0; i < recipes.gl_pathc; i++) {
		char name[80];

		ck_assert_int_eq(sscanf(recipes.gl_pathv[i], "images/%79[^.]", name), 1);
		if (strncmp(name, "fat", 3) == 0) /* only libguestfs reads FAT: test-fat.c */
			continue;
		compare_sample(name);
	}
	globfree(&recipes);
}
