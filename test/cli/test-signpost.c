/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo file of an interrupted command is missing, is replaced by another file, or only has to
 * be removed.  Tests what a command says and does then, and that every command in a message works
 * when it is typed.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"
#include "transaction/journal-file.h"

#define SIGNPOST "user.bootshift.undo"

static bool has_signpost(const char *image)
{
	return getxattr(image, SIGNPOST, NULL, 0) > 0;
}

static bool has_attributes(const char *image)
{
	bool has = setxattr(image, SIGNPOST, "/", 1, 0) == 0;

	removexattr(image, SIGNPOST);
	return test_needs(has, "extended attributes");
}

/* Kills fixes until one of them has written a part of the image and its undo file exists. */
static void leave_half_written(const char *image, const struct image_state *before)
{
	const char *undo_file = text("%s.bootshift-undo", image);
	const char *untouched = text("%s.untouched", image);

	ASSERT_STATUS(RUN("cp", "--sparse=always", image, untouched), 0);
	for (int i = 0; i < 500; i++) {
		struct program program = START_BOOTSHIFT("fix", image);

		while (access(undo_file, F_OK) != 0 && kill(program.process, 0) == 0)
			;
		usleep((useconds_t)(i % 25 * 200));
		kill(program.process, SIGKILL);
		program_wait(&program);
		if (has_signpost(image) && RUN("cmp", "-s", image, untouched).status == 1) {
			ck_assert_int_eq(unlink(untouched), 0);
			return;
		}
		BOOTSHIFT("undo", image);
		image_assert_same(image, &before->digest);
	}
	ck_abort_msg("no fix was killed while it wrote");
}

/* `options` is "" or what an undo needs to find the undo file, with a space at its end. */
static void assert_refused_with(const char *image, const char *named, const char *options)
{
	static const char *const commands[] = {"inspect", "plan", "fix", "undo"};
	const char *rows = text("%s.rows", image);
	struct image_digest half = image_digest(image);
	struct outcome outcome;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		report_run(commands[i], image, 4, "recovery-required", "recovery-required");
		outcome = BOOTSHIFT(commands[i], image);
		ASSERT_STATUS(outcome, 4);
		ASSERT_HAS(outcome.errors, named);
		ASSERT_HAS(outcome.errors, "(recovery-required); ");
		/*
		 * The message says once what to do without the undo file, and then once what to do
		 * with it.
		 */
		ASSERT_HAS(outcome.errors, text("then run: bootshift undo %s%s\n", options, image));
		ck_assert_ptr_null(
			strstr(strstr(outcome.errors, "bootshift undo") + 1, "bootshift undo"));
	}
	outcome = BOOTSHIFT("batch", "--jsonl", rows, image);
	ASSERT_STATUS(outcome, 4);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 4);
	ck_assert_int_eq(unlink(rows), 0);
	image_assert_same(image, &half);
	ck_assert(has_signpost(image));
}

static void assert_refused(const char *image, const char *named)
{
	assert_refused_with(image, named, "");
}

TEST_CASE(signpost, "signpost");

TEST(signpost, a_half_written_image_without_its_undo_file_is_refused_by_every_command)
{
	const char *image = small_image();
	const char *undo_file = text("%s.bootshift-undo", image);
	const char *away = text("%s.away", image);
	struct image_state before = state_take(image);

	if (!has_attributes(image))
		return;
	leave_half_written(image, &before);
	ck_assert_int_eq(rename(undo_file, away), 0);
	assert_refused(image, undo_file);
	/* Another file in place of the undo file does not help. */
	ck_assert_int_eq(symlink(away, undo_file), 0);
	report_run("inspect", image, 4, "recovery-required", "recovery-required");
	ck_assert_int_eq(unlink(undo_file), 0);
	ck_assert_int_eq(rename(away, undo_file), 0);
	ASSERT_HAS(BOOTSHIFT("inspect", image).errors,
		   text("; make sure that the undo file is in its place, then run: bootshift undo "
			"%s\n",
			image));
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

/* The status "refused" would mean that the image is unchanged. */
TEST(signpost, a_half_written_image_that_cannot_be_taken_back_now_is_more_than_refused)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	struct {
		const char *path;
		mode_t mode, right;
		const char *words;
	} obstacles[] = {
		{undo_file, 0666, 0600, "everybody may write to the undo file"},
		{image, 0444, 0644, "read-only"},
		{folder, 0777, 0700, "everybody may write to the folder"},
	};
	struct image_state before = state_take(image);

	if (!has_attributes(image))
		return;
	leave_half_written(image, &before);
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
		ck_assert_int_eq(chmod(obstacles[i].path, obstacles[i].mode), 0);
		report_run("inspect", image, 4, "recovery-required", "recovery-required");
		report_run("fix", image, 4, "recovery-required", "recovery-required");
		ASSERT_HAS(BOOTSHIFT("undo", image).errors, obstacles[i].words);
		ck_assert_int_eq(chmod(obstacles[i].path, obstacles[i].right), 0);
	}
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}

/* The undo file is in the folder of another --undo-dir, and cannot be used there. */
TEST(signpost, why_the_undo_file_of_a_signpost_cannot_be_used_is_told)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	const char *other = text("%s.other", image);
	struct image_state before = state_take(image);

	if (!has_attributes(image))
		return;
	leave_half_written(image, &before);
	ck_assert_int_eq(chmod(undo_file, 0666), 0);
	ck_assert_int_eq(rename(image, other), 0);
	assert_refused(other, text("everybody may write to the undo file %s", undo_file));
	ck_assert_int_eq(chmod(undo_file, 0600), 0);
	assert_refused_with(other, undo_file, text("--undo-file %s ", undo_file));
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-file", undo_file, other), 0);
	unlink(text("%s.bootshift-lock", image)); /* of the fix that was killed */
	ck_assert_int_eq(rename(other, image), 0);
	state_assert_restored(image, &before);
}

TEST(signpost, the_undo_file_of_a_half_written_image_can_be_put_into_another_folder)
{
	const char *image = small_image(), *folder = text("%s.undo", image);
	struct image_state before = state_take(image);
	struct outcome outcome;
	const char *name;

	if (!has_attributes(image))
		return;
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	outcome = BOOTSHIFT("fix", "--json", "--undo-dir", folder, image);
	name = report_text(report_only(&outcome, "fix"), "undo_file");
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 0);
	leave_half_written(image, &before);
	ck_assert_int_eq(rename(text("%s.bootshift-undo", image), name), 0);
	assert_refused(image, text("%s.bootshift-undo", image));
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	state_assert_restored(image, &before);
}

TEST(signpost, the_command_that_removes_the_mark_works_as_it_is_told)
{
	const char *image = small_image(), *start, *end;
	struct outcome outcome;

	if (!has_attributes(image) || !test_needs_program("setfattr"))
		return;
	ck_assert_int_eq(setxattr(image, SIGNPOST, "/gone.bootshift-undo", 20, 0), 0);
	assert_refused(image, "/gone.bootshift-undo");
	outcome = BOOTSHIFT("inspect", image);
	start = strstr(outcome.errors, "setfattr ");
	ck_assert_ptr_nonnull(start);
	end = strstr(start, " (recovery-required)"); /* the end of the message */
	ck_assert_ptr_nonnull(end);
	ASSERT_STATUS(RUN("sh", "-c", text("%.*s", (int)(end - start), start)), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
	report_run("fix", image, 0, "fixed", NULL);
}

/* ---- an undo that was killed before its last system call ------------------------------------- */

static void mark(const char *undo_file, enum journal_mark mark)
{
	struct journal_file *journal;
	struct bs_error err;

	ck_assert_int_eq(journal_file_open(undo_file, &journal, &err), 0);
	ck_assert_int_eq(journal_file_open_marks(journal, undo_file, &transaction_real_io, &err),
			 0);
	ck_assert_int_eq(journal_file_mark(journal, mark, 0, &err), 0);
	journal_file_close(journal);
}

/* Makes an old image with an undo file that is marked as done.  Returns the rows of the fix. */
static const char *leave_done(const char *image)
{
	const char *undo_file = text("%s.bootshift-undo", image), *kept = text("%s.kept", image);
	const char *rows = text("%s.rows", image);

	unlink(rows);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, image), 0);
	ASSERT_STATUS(RUN("cp", "-p", undo_file, kept), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", image), 0);
	ck_assert_int_eq(rename(kept, undo_file), 0);
	mark(undo_file, JOURNAL_UNDOING);
	mark(undo_file, JOURNAL_DONE);
	return rows;
}

TEST(signpost, an_undo_that_had_only_to_remove_its_file_can_be_repeated)
{
	const char *image = small_image(), *rows;
	const char *undo_file = text("%s.bootshift-undo", image);
	struct image_digest before = image_digest(image);

	leave_done(image);
	report_run("inspect", image, 0, "would-fix", NULL);
	report_run("plan", image, 0, "would-fix", NULL);
	ASSERT_STATUS(BOOTSHIFT("fix", "--dry-run", image), 0);
	ck_assert_int_eq(access(undo_file, F_OK), 0);
	report_run("undo", image, 0, "undone", NULL);
	ck_assert_int_ne(access(undo_file, F_OK), 0);
	report_run("undo", image, 0, "nothing-to-do", NULL);
	image_assert_same(image, &before);

	leave_done(image);
	report_run("fix", image, 0, "fixed", NULL);
	report_run("undo", image, 0, "undone", NULL);
	image_assert_same(image, &before);

	rows = leave_done(image);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	ck_assert_int_ne(access(undo_file, F_OK), 0);
	image_assert_same(image, &before);

	leave_done(image);
	ASSERT_STATUS(BOOTSHIFT("batch", image), 0);
	report_run("inspect", image, 0, "nothing-to-do", NULL);
	report_run("undo", image, 0, "undone", NULL);
	image_assert_same(image, &before);
}
