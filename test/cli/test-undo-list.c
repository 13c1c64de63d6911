/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of undo files in folders: what it says of each, and that it changes nothing. */
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"

static const char *put_fixed(const char *folder, const char *name)
{
	const char *image = batch_put(folder, name, image_recipe("small", SAMPLE_SMALL));

	report_run("fix", image, 0, "fixed", NULL);
	return image;
}

/* Runs the command, and returns the list. */
static json_t *list_run(const char *folder, int exit_status)
{
	struct outcome outcome = BOOTSHIFT("undo", "--list", "--json", folder);

	ASSERT_STATUS(outcome, exit_status);
	return report_object(report_read(&outcome, "undo"), "undo_files");
}

static const char *list_text(const json_t *list, size_t index, const char *field)
{
	return report_text(json_array_get(list, index), field);
}

TEST_CASE(undo_list, "undo --list");

TEST(undo_list, each_undo_file_is_listed_with_what_became_of_its_image)
{
	const char *folder = batch_folder();
	const char *left = put_fixed(folder, "a.img"), *written = put_fixed(folder, "b.img"),
		   *gone = put_fixed(folder, "c.img");
	struct image_state before = state_take(left);
	const char *undo = text("%s.bootshift-undo", left);
	struct outcome outcome;
	struct stat status;
	json_t *list;

	file_flip(written, 100);
	ck_assert_int_eq(unlink(gone), 0);
	before.folder = state_folder(left);
	list = list_run(folder, 0);
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(list_text(list, 0, "undo_file"), undo);
	ck_assert_str_eq(list_text(list, 0, "image_name"), "a.img");
	ck_assert_str_eq(list_text(list, 0, "image"), "as-left");
	ck_assert_str_eq(list_text(list, 1, "image"), "written-to");
	ck_assert_str_eq(list_text(list, 2, "image"), "not-beside");
	ck_assert_ptr_nonnull(list_text(list, 0, "fixed_at"));
	ck_assert_int_eq(stat(undo, &status), 0);
	ck_assert_int_eq(report_number(json_array_get(list, 0), "size"), status.st_size);
	outcome = BOOTSHIFT("undo", "--list", folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, "  the image is as the fix left it\n");
	ASSERT_HAS(outcome.output, "3 undo files, ");
	state_assert_untouched(left, &before);
}

TEST(undo_list, an_interrupted_change_is_told)
{
	const char *folder = batch_folder(), *image = put_fixed(folder, "a.img");
	static const uint8_t no_mark[4096];
	json_t *list;

	file_write(text("%s.bootshift-undo", image), 4096, no_mark, sizeof(no_mark));
	list = list_run(folder, 0);
	ck_assert(json_is_true(json_object_get(json_array_get(list, 0), "interrupted")));
}

TEST(undo_list, a_file_that_is_no_undo_file_of_ours_is_an_error_and_the_others_are_listed)
{
	const char *folder = batch_folder(), *image = put_fixed(folder, "a.img");
	json_t *list;

	file_flip(text("%s.bootshift-undo", put_fixed(folder, "b.img")), 0);
	ck_assert_int_eq(chmod(text("%s.bootshift-undo", put_fixed(folder, "c.img")), 0666), 0);
	list = list_run(folder, 4);
	ck_assert_uint_eq(json_array_size(list), 1);
	ck_assert_str_eq(list_text(list, 0, "undo_file"), text("%s.bootshift-undo", image));
}

TEST(undo_list, a_folder_that_is_not_there_is_an_error)
{
	struct outcome outcome = BOOTSHIFT("undo", "--list", text("%s/none", test_folder()));

	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(not-found)");
	ASSERT_HAS(BOOTSHIFT("undo", "--list", test_folder()).output, "no undo files\n");
}
