/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back from a fix is found: after the image was moved, renamed or linked, without the folder
 * of its undo file, and after the undo file was moved.  What a message says to type undoes the fix.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

#define HINT "user.bootshift.undo-file"

static bool has_attributes(const char *image)
{
	bool has = setxattr(image, HINT, "/", 1, 0) == 0;

	removexattr(image, HINT);
	return test_needs(has, "extended attributes");
}

/* The command that is printed behind `before`, up to the end of the line. */
static const char *command_behind(const char *output, const char *before)
{
	const char *found = strstr(output, before);

	ck_assert_msg(found != NULL, "no '%s' in: %s", before, output);
	found += strlen(before);
	return text("%.*s", (int)strcspn(found, "\n"), found);
}

static struct outcome type(const char *command)
{
	const char *path = bootshift_path();

	return RUN("sh", "-c",
		   text("PATH='%.*s':$PATH; %s", (int)(strrchr(path, '/') - path), path, command));
}

/* Types what a refused undo says, and checks that the image is as before. */
static void undo_as_told(const char *image, const char *named, const struct image_state *before)
{
	struct outcome outcome = BOOTSHIFT("undo", image);
	const char *command;

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, text("there is no undo file %s.bootshift-undo; ", image));
	ASSERT_HAS(outcome.errors, named);
	command = command_behind(outcome.errors, " (no-undo-file); undo with that file: ");
	outcome = type(command);
	ck_assert_msg(outcome.status == 0, "%s\n%s", command, outcome.errors);
	image_assert_same(image, &before->digest);
	ck_assert_int_lt(getxattr(image, HINT, NULL, 0), 0);
}

/* Fixes the image with its undo file in a folder of its own.  Returns the path of the undo file. */
static const char *fix_with_folder(const char *image, const char *folder)
{
	struct outcome outcome = BOOTSHIFT("fix", "--json", "--undo-dir", folder, image);

	ASSERT_STATUS(outcome, 0);
	return report_text(report_only(&outcome, "fix"), "undo_file");
}

/* ---- the image was moved, or the folder was forgotten ---------------------------------------- */

TEST_CASE(found, "found");

TEST(found, an_image_that_was_renamed_is_told_what_to_type)
{
	const char *image = small_image(), *other = text("%s it's", image);
	struct image_state before = state_take(image);

	if (!has_attributes(image))
		return;
	report_run("fix", image, 0, "fixed", NULL);
	ck_assert_int_eq(rename(image, other), 0);
	undo_as_told(other, text("the image itself names the undo file %s.bootshift-undo", image),
		     &before);
}

/* The file system may not keep attributes, or a program may have removed them. */
TEST(found, a_renamed_image_without_attributes_is_told_by_what_lies_beside_it)
{
	const char *image = small_image(), *other = text("%s.other", image);
	struct image_state before = state_take(image);

	report_run("fix", image, 0, "fixed", NULL);
	removexattr(image, HINT);
	ck_assert_int_eq(rename(image, other), 0);
	undo_as_told(other, text("%s.bootshift-undo may be the undo file of the image", image),
		     &before);
}

TEST(found, an_image_that_was_fixed_through_another_hard_link_is_told_what_to_type)
{
	const char *image = small_image(), *link_name = text("%s/link.img", test_folder());
	struct image_state before = state_take(image);

	if (!has_attributes(image))
		return;
	ck_assert_int_eq(link(image, link_name), 0);
	report_run("fix", link_name, 0, "fixed", NULL);
	undo_as_told(image, text("%s.bootshift-undo", link_name), &before);
}

TEST(found, a_forgotten_folder_is_named_with_the_command)
{
	const char *image = small_image(), *folder = test_folder();
	struct image_state before = state_take(image);
	const char *undo_file, *command = text("bootshift undo --undo-dir %s %s", folder, image);

	if (!has_attributes(image))
		return;
	undo_file = fix_with_folder(image, folder);
	ASSERT_HAS(BOOTSHIFT("inspect", image).output, undo_file);
	ck_assert_str_eq(command_behind(BOOTSHIFT("inspect", image).output, "to undo the fix: "),
			 command);
	ck_assert_str_eq(command_behind(BOOTSHIFT("fix", image).output,
					" UTC, as the image itself says; to undo: "),
			 command);
	ck_assert_str_eq(report_text(report_run("inspect", image, 0, "nothing-to-do", NULL),
				     "undo_file_named"),
			 undo_file);
	ck_assert_str_eq(
		report_text(report_run("fix", image, 0, "nothing-to-do", NULL), "undo_file_named"),
		undo_file);
	undo_as_told(image, undo_file, &before);
}

TEST(found, an_undo_file_that_is_not_there_is_said_to_be_missing)
{
	const char *image = small_image(), *folder = test_folder();
	const char *undo_file;
	struct outcome outcome;

	if (!has_attributes(image))
		return;
	undo_file = fix_with_folder(image, folder);
	ck_assert_int_eq(unlink(undo_file), 0);
	outcome = BOOTSHIFT("undo", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, text("nor the undo file that the image names, %s", undo_file));
	ASSERT_HAS(outcome.errors,
		   text("bootshift undo --undo-file FILE.bootshift-undo %s\n", image));
	ASSERT_HAS(BOOTSHIFT("inspect", image).output,
		   text("%s (which is not there, or ", undo_file));
	ASSERT_HAS(BOOTSHIFT("fix", image).output,
		   text("; its undo file: %s (which is not there, or ", undo_file));
}

/* Anybody who can write to the image can set the attribute. */
TEST(found, an_attribute_is_shown_safely_and_never_obeyed)
{
	static const char *const wrong[] = {"relative.bootshift-undo", "/etc/passwd", "",
					    ".bootshift-undo"};
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	struct image_state fixed;
	json_t *result;

	if (!has_attributes(image))
		return;
	report_run("fix", image, 0, "fixed", NULL);
	ck_assert_int_eq(unlink(undo_file), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(setxattr(image, HINT, wrong[i], strlen(wrong[i]), 0), 0);
		result = report_run("inspect", image, 0, "nothing-to-do", NULL);
		ck_assert(json_is_null(json_object_get(result, "undo_file_named")));
		ASSERT_HAS_NOT(BOOTSHIFT("inspect", image).output, "Fixed");
	}
	ck_assert_int_eq(setxattr(image, HINT, "/\033[31m\n.bootshift-undo", 22, 0), 0);
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", image).output, "\033");
	ASSERT_HAS_NOT(BOOTSHIFT("undo", image).errors, "\033");
	fixed = state_take(image);
	report_run("undo", image, 3, "refused", "no-undo-file");
	state_assert_untouched(image, &fixed);
}

/* ---- inspect and fix of a fixed image -------------------------------------------------------- */

TEST(found, a_fixed_image_tells_when_it_was_fixed_and_how_to_undo_that)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	const char *command = text("bootshift undo %s", image), *when;
	struct image_state fixed;
	json_t *result;

	when = report_text(report_run("fix", image, 0, "fixed", NULL), "fixed_at");
	ck_assert_uint_eq(strlen(when), strlen("2026-11-22T09:30:00Z"));
	fixed = state_take(image);
	result = report_run("inspect", image, 0, "nothing-to-do", NULL);
	ck_assert_str_eq(report_text(result, "fixed_at"), when);
	ck_assert_str_eq(report_text(result, "undo_file"), undo_file);
	ck_assert(json_is_null(json_object_get(result, "undo_file_named")));
	ASSERT_HAS(BOOTSHIFT("inspect", image).output,
		   text("Fixed on %.10s %.8s UTC, by bootshift " BOOTSHIFT_VERSION "\n"
			"    undo file:",
			when, when + 11));
	ck_assert_str_eq(command_behind(BOOTSHIFT("inspect", image).output, "to undo the fix: "),
			 command);
	ck_assert_str_eq(command_behind(BOOTSHIFT("fix", image).output, "; to undo: "), command);
	state_assert_untouched(image, &fixed);
	ASSERT_STATUS(type(command), 0);
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", image).output, "Fixed");
}

/* ---- undo --undo-file ------------------------------------------------------------------------ */

TEST_CASE(named, "named");

TEST(named, an_undo_file_can_be_anywhere)
{
	const char *image = small_image(), *moved = text("%s/x.bootshift-undo", test_folder());
	struct image_state before = state_take(image);

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("mv", text("%s.bootshift-undo", image), moved), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--dry-run", "--undo-file", moved, image), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-file", moved, image), 0);
	state_assert_restored(image, &before);
	ck_assert_int_ne(access(moved, F_OK), 0);
	ASSERT_HAS(BOOTSHIFT("undo", "--undo-file", moved, image).output, ": nothing to do: ");
}

TEST(named, an_undo_file_that_was_moved_to_the_folder_is_found_under_its_plain_name)
{
	const char *image = small_image(), *folder = test_folder();
	const char *moved = text("%s%s.bootshift-undo", folder, strrchr(image, '/'));
	const char *namesake = text("%s%s", folder, strrchr(image, '/'));
	struct image_state before = state_take(image);

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("mv", text("%s.bootshift-undo", image), moved), 0);
	/* An image of this name in the folder is that of the undo file. */
	ASSERT_STATUS(RUN("touch", namesake), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 3);
	ck_assert_int_eq(unlink(namesake), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--dry-run", "--undo-dir", folder, image), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 0);
	state_assert_restored(image, &before);
	ck_assert_int_eq(rmdir(folder), 0);
}

TEST(named, an_undo_file_has_to_fit_and_to_be_trusted)
{
	const char *image = small_image(), *folder = test_folder();
	const char *undo_file = text("%s/x.bootshift-undo", folder);
	struct image_state fixed;
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("mv", text("%s.bootshift-undo", image), undo_file), 0);
	fixed = state_take(image);
	ck_assert_int_eq(chmod(undo_file, 0666), 0);
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(not-trusted)");
	ck_assert_int_eq(chmod(undo_file, 0600), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-file", undo_file, image), 3);
	ck_assert_int_eq(chmod(folder, 0700), 0);
	state_assert_untouched(image, &fixed);
	file_flip(image, 100);
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(changed-since-fix)");
}

/* An undo removes the undo file, and the original would lose it. */
TEST(named, the_undo_file_of_another_image_is_kept_for_it)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	const char *copy = text("%s.copy", image),
		   *own = text("%s/new.bootshift-undo", test_folder());
	struct image_state before = state_take(image);
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	ASSERT_STATUS(RUN("cp", "--preserve=all", "--sparse=always", image, copy), 0);
	/* No command is told that would take it. */
	outcome = BOOTSHIFT("undo", copy);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "undo --undo-file FILE.bootshift-undo ");
	ASSERT_HAS_NOT(BOOTSHIFT("inspect", copy).output, "to undo");
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, copy);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(undo-file-of-other)");
	ck_assert_int_eq(access(undo_file, F_OK), 0);
	ASSERT_STATUS(RUN("cp", undo_file, own), 0);
	ck_assert_int_eq(chmod(own, 0600), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-file", own, copy), 0);
	image_assert_same(copy, &before.digest);
	ck_assert_int_eq(unlink(copy), 0);
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

/* A copy of that undo file would not help, and the image has one of its own. */
TEST(named, an_undo_file_of_another_disk_is_told_with_its_owner)
{
	const char *image = small_image();
	const char *other = text("%s/other.img", test_folder());
	const char *undo_file = text("%s.bootshift-undo", other);
	struct image_state fixed;
	struct outcome outcome;

	ASSERT_STATUS(RUN("cp", "--sparse=always", image, other), 0);
	file_flip(image, 100); /* now it is another disk */
	report_run("fix", other, 0, "fixed", NULL);
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, text("that of %s, and the bytes of this image do not fit it "
					"(undo-file-unrelated); name the undo file of this image, ",
					real_path(other)));
	report_run("fix", image, 0, "fixed", NULL);
	fixed = state_take(image);
	outcome = BOOTSHIFT("undo", "--undo-file", undo_file, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, text("(undo-file-unrelated); undo with the undo file of this "
					"image: bootshift undo %s\n",
					image));
	state_assert_untouched(image, &fixed);
}

TEST(named, the_option_is_for_one_image_and_one_place)
{
	const char *image = small_image();
	const struct outcome outcomes[] = {
		BOOTSHIFT("undo", "--undo-file", "x.bootshift-undo", image, image),
		BOOTSHIFT("undo", "--undo-file", "x.bootshift-undo", "--undo-dir", "/", image),
		BOOTSHIFT("undo", "--undo-file", "x.bootshift-undo", "--from", "rows"),
		BOOTSHIFT("undo", "--undo-file", image, image),
		BOOTSHIFT("fix", "--undo-file", "x.bootshift-undo", image),
	};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		ASSERT_STATUS(outcomes[i], 2);
}

/* ---- again ----------------------------------------------------------------------------------- */

TEST_CASE(repeated, "repeated");

TEST(repeated, an_image_that_is_not_fixed_has_nothing_to_undo)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	json_t *result = report_run("undo", image, 0, "nothing-to-do", NULL);

	ck_assert(json_is_null(json_object_get(result, "undo_file")));
	ASSERT_HAS(BOOTSHIFT("undo", image).output,
		   ": nothing to do: the image is not fixed, or its fix is undone already\n");
	state_assert_untouched(image, &before);
}

TEST(repeated, without_an_undo_file_only_an_image_that_is_not_fixed_is_no_error)
{
	const char *fixed = image_copy(image_built("already-fixed", false));
	const char *no_disk = text("%s/no-disk", test_folder());

	report_run("undo", fixed, 3, "refused", "no-undo-file");
	ASSERT_STATUS(RUN("truncate", "-s", "1M", no_disk), 0);
	report_run("undo", no_disk, 3, "refused", "no-undo-file");
	image_remove(fixed);
}
