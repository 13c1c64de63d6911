/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON of an inspection of each sample.  program_wait() keeps the documents, and
 * scripts/check-schema validates them afterwards.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli/samples.h"
#include "support/report.h"

TEST_CASE(schema_tests, "schema", .tags = "slow");

static int is_recipe(const struct dirent *entry)
{
	const char *ending = strrchr(entry->d_name, '.');

	return ending && strcmp(ending, ".recipe") == 0;
}

TEST(schema_tests, the_inspection_of_each_sample_has_all_fields)
{
	struct dirent **entries;
	int count = scandir("images", &entries, is_recipe, alphasort);

	ck_assert_int_gt(count, 0);
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;
		struct outcome outcome;
		const char *image;

		*strrchr(name, '.') = '\0';
		image = image_copy(image_built(name, false)); /* others may fix the shared one */
		outcome = BOOTSHIFT("inspect", "--json", image);
		image_remove(image);
		ck_assert_ptr_nonnull(json_object_get(report_only(&outcome, "inspect"), "status"));
		free(entries[i]);
	}
	free(entries);
}
