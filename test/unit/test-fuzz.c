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

static void run(const struct fuzz_target *target, const char *name, const void *bytes, size_t size)
{
	uint8_t *exact =
		malloc(size + (size == 0)); /* so that the sanitizer sees the input's end */

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, bytes, size);
	fuzz_input = name;
	target->run(exact, size);
	free(exact);
}

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
	ck_assert_msg(feof(stream) || fgetc(stream) == EOF, "%s is too long", path);
	fclose(stream);
	run(target, name, bytes, size);
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
	if (!folder)
		return 0;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			run_file(target, entry->d_name);
			count++;
		}
	closedir(folder);
	return count;
}

/* Inputs that are made, not kept: messages. */
static const struct fuzz_target *wanted;
static size_t made;

static void run_made(const char *target, const char *name, const void *bytes, size_t size)
{
	if (strcmp(target, wanted->name) != 0)
		return;
	run(wanted, name, bytes, size);
	made++;
}

TEST_CASE(fuzz_tests, "fuzz");

/* The number of the targets is checked below. */
TEST_LOOP(fuzz_tests, each_kept_input_of_a_fuzz_target_runs_again, 0, 19)
{
	const struct fuzz_target *target = &fuzz_targets[_i];

	wanted = target;
	made = 0;
	fuzz_make_messages(run_made);
	fuzz_make_channel_inputs(run_made);
	ck_assert_msg(run_all(target) + made > 0, "no input is kept for %s", target->name);
}

TEST_CASE(image_tests, "fuzz: whole images");

TEST(image_tests, each_kept_patch_of_an_image_runs_again)
{
	const struct fuzz_target *target = fuzz_find("image");

	ck_assert_ptr_eq(target, &fuzz_targets[19]);
	ck_assert_ptr_null(target[1].name);
	fuzz_image_use(image_recipe("fuzz", "include images/../test/fuzz/sample.recipe\n"));
	ck_assert_uint_gt(run_all(target), 0);
}
