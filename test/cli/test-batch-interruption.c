/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches that are killed and resumed, or that run out of a resource. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"

#define NOBODY "65534"

static const char *small(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

/* ---- killed with all processes ------------------------------------------------------------- */

#define MOMENTS     8
#define IMAGE_COUNT 6

/* Starts a batch in a session of its own, and kills all its processes after some time. */
static void kill_all_after(const char *folder, const char *rows, int microseconds)
{
	struct program program = START("setsid", bootshift_path(), "batch", "-j3", "--jsonl", rows,
				       "--resume", folder);

	usleep((useconds_t)microseconds);
	/* Waits until only the first process is left, a zombie that this test collects. */
	RUN("sh", "-c",
	    text("while pids=$(ps -o pid=,stat= -s %d | awk '$2 !~ /Z/ { print $1 }');"
		 "[ -n \"$pids\" ]; do kill -KILL $pids; done",
		 (int)program.process));
	kill(program.process, SIGKILL);
	program_wait(&program);
}

/* Number of rows that report an image as fixed. */
static int count_fixed(const json_t *rows, const char *path)
{
	int count = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		count += strcmp(report_text(row, "path"), path) == 0 &&
			 strcmp(report_text(row, "status"), "fixed") == 0;
	}
	return count;
}

TEST_CASE(slow, "slow", .tags = "slow");

TEST(slow, a_batch_killed_at_any_moment_goes_on_and_fixes_each_image_once)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct image_digest before = image_digest(small());

	for (int i = 0; i < IMAGE_COUNT; i++)
		batch_put(folder, text("%d.img", i), small());
	for (int moment = 0; moment < MOMENTS; moment++) {
		json_t *told;

		unlink(rows);
		ASSERT_STATUS(RUN("touch", rows), 0);
		/* Kills two batches.  The second one uses the rows of the first. */
		kill_all_after(folder, rows, 20000 + moment * 10000);
		kill_all_after(folder, rows, 20000 + moment * 5000);
		ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
		told = batch_rows(rows);
		for (int i = 0; i < IMAGE_COUNT; i++)
			ck_assert_int_eq(count_fixed(told, text("%s/%d.img", folder, i)), 1);
		ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
		for (int i = 0; i < IMAGE_COUNT; i++)
			image_assert_same(text("%s/%d.img", folder, i), &before);
		ck_assert_ptr_null(strstr(state_folder(rows), ".img."));
	}
}

TEST_CASE(interrupted_batches, "interrupted batches");

/* The critical moment: the image is fixed, and no row says so. */
TEST(interrupted_batches, an_image_that_was_fixed_and_not_told_is_the_batchs_own)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct image_digest before = image_digest(image);

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ck_assert_int_eq(truncate(rows, 0), 0); /* as if it was killed before its first row */
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
}

/*
 * Before the batch resumes, somebody fixes one image by hand, and another batch fixes a third one.
 */
TEST(interrupted_batches, what_others_have_fixed_is_not_the_batchs_own)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *others[] = {batch_put(folder, "by-hand.img", small()),
				batch_put(folder, "by-another.img", small())};
	const char *image = batch_put(folder, "own.img", small());
	struct image_digest before = image_digest(image), fixed[2];

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, image), 0);
	report_run("fix", others[0], 0, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", text("%s.other", rows), others[1]), 0);
	for (int i = 0; i < 2; i++)
		fixed[i] = image_digest(others[i]);
	ck_assert_int_eq(truncate(rows, 0), 0);
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
	for (int i = 0; i < 2; i++) {
		batch_assert(batch_rows(rows), others[i], "nothing-to-do", NULL);
		image_assert_same(others[i], &fixed[i]);
	}
}

/* A pipe does not identify a batch, so the fix belongs to somebody else. */
TEST(interrupted_batches, nothing_is_taken_for_the_batchs_own_by_rows_that_go_to_a_pipe)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	outcome = RUN("sh", "-c",
		      text("'%s' batch --resume --jsonl /dev/stdout --report %s.html %s | cat",
			   bootshift_path(), folder, folder));
	ASSERT_HAS(outcome.output, "\"status\":\"nothing-to-do\"");
}

TEST(interrupted_batches, a_row_that_was_cut_is_dropped_and_its_image_is_looked_at_again)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct stat status;

	for (int i = 0; i < 3; i++)
		batch_put(folder, text("%d.img", i), small());
	ASSERT_STATUS(BOOTSHIFT("batch", "-j1", "--jsonl", rows, folder), 0);
	ck_assert_int_eq(stat(rows, &status), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(truncate(rows, status.st_size - 1 - 700 * i), 0);
		ASSERT_STATUS(BOOTSHIFT("batch", "-j1", "--jsonl", rows, "--resume", folder), 0);
		ck_assert_uint_eq(json_array_size(batch_rows(rows)), 3);
		batch_assert(batch_rows(rows), text("%s/2.img", folder), "fixed", NULL);
	}
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	report_run("inspect", text("%s/2.img", folder), 0, "would-fix", NULL);
}

TEST(interrupted_batches, lines_that_are_no_rows_are_told_and_passed_over)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(RUN("sed", "-i", "1i not a row", rows), 0);
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.errors, "1 line was not a batch result and was ignored");
	ASSERT_STATUS(RUN("sed", "-i", "1d", rows), 0);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 1);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}

/* ---- during the search --------------------------------------------------------------------- */

/*
 * The batch reports files that look like images but are not.  The reports go to a pipe, which is
 * full long before the last file.  So the batch stays in the middle of its search while nobody
 * reads the pipe.
 */
TEST(interrupted_batches, a_signal_during_the_search_ends_the_batch_properly)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *page = text("%s.html", folder), *pipe = text("%s.pipe", folder);
	struct program program;
	struct outcome outcome;

	batch_put(folder, "z.img", small());
	ASSERT_STATUS(RUN("sh", "-c",
			  text("mkfifo %s && cd %s && seq -f a-file-without-a-disk-%%g.vhd 3000 | "
			       "xargs touch",
			       pipe, folder)),
		      0);
	program = START("sh", "-c",
			text("exec '%s' batch --jsonl %s --report %s %s >%s", bootshift_path(),
			     rows, page, folder, pipe));
	outcome = RUN("sh", "-c",
		      text("exec <%s; head -c1; kill -TERM %d; cat", pipe, (int)program.process));
	ASSERT_HAS(outcome.output, "a-file-without-a-disk-1.vhd");
	ck_assert_ptr_null(strstr(outcome.output, "a-file-without-a-disk-999.vhd")); /* the last */
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.errors,
			 "bootshift: interrupted by a signal; to go on, give the same "
			 "command again with --resume\n");
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 0);
	ck_assert_int_eq(access(page, F_OK), 0);
}

/* ---- out of a resource --------------------------------------------------------------------- */

TEST(interrupted_batches, an_image_without_room_for_its_undo_file_fails_and_the_next_is_tried)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct outcome outcome;

	for (int i = 0; i < 3; i++)
		batch_put(folder, text("%d.img", i), small());
	if (!run_with_small_disk("240k",
				 text("'%s' batch -j1 --undo-dir /mnt --jsonl %s %s",
				      bootshift_path(), rows, folder),
				 &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(rows), text("%s/0.img", folder), "fixed", NULL);
	batch_assert(batch_rows(rows), text("%s/1.img", folder), "failed", "no-space");
	batch_assert(batch_rows(rows), text("%s/2.img", folder), "failed", "no-space");
	report_run("inspect", text("%s/1.img", folder), 0, "would-fix", NULL);
}

TEST(interrupted_batches, a_batch_that_cannot_write_its_rows_stops)
{
	const char *folder = batch_folder();
	struct outcome outcome;

	for (int i = 0; i < 3; i++)
		batch_put(folder, text("%d.img", i), small());
	/* Room for the row of the first image and a part of the second. */
	if (!run_with_small_disk("4k",
				 text("'%s' batch -j1 --jsonl /mnt/rows %s; status=$?; "
				      "wc -l </mnt/rows; tail -c1 /mnt/rows | od -c; exit $status",
				      bootshift_path(), folder),
				 &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "no more batch results can be written");
	ASSERT_HAS(outcome.errors, "1 image has no result in this file");
	ASSERT_HAS(outcome.output, "\n2\n"); /* whole rows */
	ASSERT_HAS(outcome.output, "\\n\n");
	outcome = BOOTSHIFT("batch", "-j1", "--jsonl", "/dev/full", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(output-failed)");
}

TEST(interrupted_batches, a_folder_that_may_not_be_read_is_told_and_the_rest_goes_on)
{
	const char *folder = batch_folder(), *closed = text("%s/closed", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	if (geteuid() != 0)
		return; /* only root can become another user */
	ck_assert_int_eq(mkdir(closed, 0700), 0);
	batch_put(closed, "b.img", small());
	ck_assert(chown(folder, atoi(NOBODY), atoi(NOBODY)) == 0 &&
		  chown(image, atoi(NOBODY), atoi(NOBODY)) == 0);
	outcome = RUN("setpriv", "--reuid=" NOBODY, "--regid=" NOBODY, "--clear-groups",
		      bootshift_for_everyone(), "batch", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, text("bootshift: %s: the folder cannot be read", closed));
	ASSERT_HAS(outcome.errors, "(no-permission)");
	ASSERT_HAS(outcome.output, text("%s: fixed in ", image));
}
