/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inputs that `make fuzz` found, or that keep a part of a parser in reach: each runs through its
 * fuzz target again.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "support/images.h"

#define FOLDER "test/fuzz/regressions"

static void run_file(const struct fuzz_target *target, const char *name)
{
	char path[512];
	uint8_t *bytes = malloc(target->longest);
	FILE *stream;
	size_t size;

	snprintf(path, sizeof(path), FOLDER "/%s/%s", target->name, name);
	stream = fopen(path, "r");
	ck_assert_msg(stream && bytes, "%s", path);
	size = fread(bytes, 1, target->longest, stream);
	/* The target must not see room behind the input. */
	ck_assert_msg(feof(stream) || fgetc(stream) == EOF, "%s is too long", path);
	fclose(stream);
	bytes = realloc(bytes, size + 1);
	ck_assert_ptr_nonnull(bytes);
	target->run(bytes, size);
	free(bytes);
}

static size_t run_all(const struct fuzz_target *target)
{
	struct dirent *entry;
	char path[512];
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), FOLDER "/%s", target->name);
	folder = opendir(path);
	ck_assert_msg(folder != NULL, "%s is missing", path);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			run_file(target, entry->d_name);
			count++;
		}
	closedir(folder);
	return count;
}

TEST_CASE(fuzz_tests, "fuzz");

/* The number of the targets is checked below. */
TEST_LOOP(fuzz_tests, each_kept_input_of_a_fuzz_target_runs_again, 0, 18)
{
	const struct fuzz_target *target = &fuzz_targets[_i];

	ck_assert_msg(run_all(target) > 0, "no input is kept for %s", target->name);
}

TEST_CASE(image_tests, "fuzz: whole images");

TEST(image_tests, each_kept_patch_of_an_image_runs_again)
{
	const struct fuzz_target *target = fuzz_find("image");

	ck_assert_ptr_eq(target, &fuzz_targets[18]);
	ck_assert_ptr_null(target[1].name);
	fuzz_image_use(image_recipe("fuzz", "include images/../test/fuzz/sample.recipe\n"));
	ck_assert_uint_gt(run_all(target), 0);
}
