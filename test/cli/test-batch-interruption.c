/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches that are killed, stopped, or run out of something.  Where an image must be in hand at a
 * certain moment, it lies behind an NBD server that is slow to read or to write.
 */
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"
#include "support/server.h"

#define NOBODY "65534"

static const char *small(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

/* ---- killed with all that belongs to it ---------------------------------------------------- */

#define MOMENTS     8
#define IMAGE_COUNT 6

/* A batch in a session of its own, killed with all its processes after some time. */
static void kill_all_after(const char *folder, const char *rows, int microseconds)
{
	struct program program = START("setsid", bootshift_path(), "batch", "-j3", "--jsonl", rows,
				       "--resume", folder);

	usleep((useconds_t)microseconds);
	/* Until there is none but the first, which waits to be taken off. */
	RUN("sh", "-c",
	    text("while pids=$(ps -o pid=,stat= -s %d | awk '$2 !~ /Z/ { print $1 }');"
		 "[ -n \"$pids\" ]; do kill -KILL $pids; done",
		 (int)program.process));
	kill(program.process, SIGKILL);
	program_wait(&program);
}

/* How many of the rows tell of an image as fixed. */
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

START_TEST(a_batch_killed_at_any_moment_goes_on_and_fixes_each_image_once)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	struct image_digest before = image_digest(small());
	int interrupted = 0;

	for (int i = 0; i < IMAGE_COUNT; i++)
		batch_put(folder, text("%d.img", i), small());
	for (int moment = 0; moment < MOMENTS; moment++) {
		json_t *told;

		unlink(rows);
		/* Twice, the second time on the rows of the first. */
		kill_all_after(folder, rows, 20000 + moment * 10000);
		kill_all_after(folder, rows, 20000 + moment * 5000);
		ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
		told = batch_rows(rows);
		interrupted += json_array_size(told) > 0;
		for (int i = 0; i < IMAGE_COUNT; i++)
			ck_assert_int_eq(count_fixed(told, text("%s/%d.img", folder, i)), 1);
		ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
		for (int i = 0; i < IMAGE_COUNT; i++)
			image_assert_same(text("%s/%d.img", folder, i), &before);
		ck_assert_ptr_null(strstr(state_folder(rows), ".img."));
	}
}
END_TEST

/* The moment that matters: the image is fixed and nobody has said so. */
START_TEST(an_image_that_was_fixed_and_not_told_is_the_batchs_own)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small()),
		   *earlier = batch_put(folder, "b.img", small());
	struct image_digest before = image_digest(image), earlier_fixed;

	report_run("fix", earlier, 0, "fixed", NULL);
	earlier_fixed = image_digest(earlier);
	usleep(20000); /* the times of files may be some milliseconds old */
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ck_assert_int_eq(truncate(rows, 0), 0); /* as if it was killed before its first row */
	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder), 0);
	batch_assert(batch_rows(rows), image, "fixed", NULL);
	batch_assert(batch_rows(rows), earlier, "nothing-to-do", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	image_assert_same(image, &before);
	image_assert_same(earlier, &earlier_fixed);
}
END_TEST

/* A pipe does not tell when the batch began: so what is fixed was fixed by somebody else. */
START_TEST(nothing_is_taken_for_the_batchs_own_by_rows_that_go_to_a_pipe)
{
	const char *folder = batch_folder(), *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	report_run("fix", image, 0, "fixed", NULL);
	outcome = RUN("sh", "-c",
		      text("'%s' batch --resume --jsonl /dev/stdout --report %s.html %s | cat",
			   bootshift_path(), folder, folder));
	ASSERT_HAS(outcome.output, "\"status\":\"nothing-to-do\"");
}
END_TEST

START_TEST(a_row_that_was_cut_is_dropped_and_its_image_is_looked_at_again)
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
END_TEST

START_TEST(lines_that_are_no_rows_are_told_and_passed_over)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	ASSERT_STATUS(RUN("sed", "-i", "1i not a row", rows), 0);
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder);
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.errors, "1 line passed over");
	ASSERT_STATUS(RUN("sed", "-i", "1d", rows), 0);
	ck_assert_uint_eq(json_array_size(batch_rows(rows)), 1);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", rows), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}
END_TEST

/* ---- an image in hand ---------------------------------------------------------------------- */

struct slow {
	const char *folder, *rows, *file;
	struct image_digest before;
	struct server server;
};

/* An image behind a server with this delay, as nbdkit's filter has it; false: none to be had. */
static bool slow_start(struct slow *slow, const char *delay)
{
	if (!server_installed("nbdkit"))
		return false;
	slow->folder = batch_folder();
	slow->rows = text("%s.jsonl", slow->folder);
	slow->file = batch_put(slow->folder, "behind.img", small());
	slow->before = image_digest(slow->file);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", slow->folder, 1), 0);
	SERVER_START(&slow->server, slow->folder, "nbdkit", "--filter=delay", "file", slow->file,
		     delay);
	return true;
}

static void slow_stop(struct slow *slow)
{
	server_stop(&slow->server);
}

/* How many undo files the slow image has. */
static int undo_files(const struct slow *slow)
{
	glob_t found;
	int count = 0;

	if (glob(text("%s/bootshift/*.bootshift-undo", slow->folder), 0, NULL, &found) == 0) {
		count = (int)found.gl_pathc;
		globfree(&found);
	}
	return count;
}

static void wait_for_commit(const struct slow *slow)
{
	while (undo_files(slow) == 0) /* the test's time limit ends it */
		usleep(1000);
}

static void assert_taken_back(const struct slow *slow)
{
	image_assert_same(slow->file, &slow->before);
	ck_assert_int_eq(undo_files(slow), 0);
}

/* Waits until the batch has an image in hand; the test's time limit ends it. */
static void wait_for_image(const struct program *batch)
{
	while (RUN("pgrep", "-P", text("%d", (int)batch->process)).status != 0)
		usleep(1000);
}

START_TEST(a_signal_ends_a_rehearsal_at_once_and_the_rest_is_not_begun)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct slow slow;
	const char *image;
	struct image_state before;
	struct program program;
	struct outcome outcome;

	if (!slow_start(&slow, "rdelay=50ms"))
		return;
	image = small_image();
	before = state_take(image);
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri, image);
	wait_for_image(&program);
	kill(program.process, signals[_i]);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "bootshift: interrupted by a signal; 1 image was not begun\n");
	ck_assert_uint_eq(json_array_size(batch_rows(slow.rows)), 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "interrupted");
	state_assert_untouched(image, &before);
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

START_TEST(a_signal_lets_an_image_that_is_written_to_be_finished)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;

	if (!slow_start(&slow, "wdelay=100ms"))
		return;
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri,
				  text("%s/none", slow.folder));
	wait_for_commit(&slow);
	kill(program.process, SIGTERM);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "bootshift: interrupted by a signal; 1 image was not begun\n");
	ck_assert_uint_eq(json_array_size(batch_rows(slow.rows)), 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", slow.rows), 0);
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

START_TEST(a_second_signal_takes_back_what_was_begun)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;
	const json_t *row;

	if (!slow_start(&slow, "wdelay=200ms"))
		return;
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri);
	wait_for_commit(&slow);
	kill(program.process, SIGINT);
	usleep(300000);
	kill(program.process, SIGINT);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	row = batch_row(batch_rows(slow.rows), slow.server.uri);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "interrupted");
	ASSERT_HAS(report_text(row, "message"), "taken back");
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

/* Bytes of the mark APPLIED of an undo file, see bootshift-journal(5). */
#define APPLIED_START 4096

/* Waits until the fix is committed: what is left is to verify it. */
static void wait_for_verification(const struct slow *slow)
{
	const char *pattern = text("%s/bootshift/*.bootshift-undo", slow->folder);
	char mark[8] = {0};

	while (mark[0] == 0) { /* the test's time limit ends it */
		struct stat status;
		glob_t found;

		wait_for_commit(slow);
		ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
		if (stat(found.gl_pathv[0], &status) == 0 &&
		    status.st_size > APPLIED_START + (off_t)sizeof(mark))
			file_read(found.gl_pathv[0], APPLIED_START, mark, sizeof(mark));
		globfree(&found);
		usleep(1000);
	}
}

/* Nobody has seen it to the end: so it is not left as it is. */
START_TEST(a_fix_that_was_killed_while_it_was_verified_is_taken_back)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;

	if (!slow_start(&slow, "rdelay=20ms"))
		return;
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri);
	wait_for_verification(&slow);
	kill(program.process, SIGINT);
	usleep(100000);
	kill(program.process, SIGINT);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "interrupted");
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

/* The process with the image dies, as when memory runs out; the others go on. */
START_TEST(a_process_that_dies_ends_nothing_but_its_own_image)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;
	const char *image;

	if (!slow_start(&slow, "wdelay=100ms"))
		return;
	image = batch_put(slow.folder, "next.img", small());
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri, image);
	wait_for_commit(&slow);
	ASSERT_STATUS(
		RUN("sh", "-c", text("kill -KILL $(ps -o pid= --ppid %d)", (int)program.process)),
		0);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "worker-failed");
	batch_assert(batch_rows(slow.rows), image, "fixed", NULL);
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

START_TEST(an_image_that_takes_too_long_is_given_up)
{
	struct slow slow;
	struct outcome outcome;
	const char *image;

	if (!slow_start(&slow, "rdelay=1000ms"))
		return;
	image = batch_put(slow.folder, "next.img", small());
	outcome = BOOTSHIFT("batch", "-j1", "--timeout", "10", "--jsonl", slow.rows,
			    slow.server.uri, image);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "timeout");
	batch_assert(batch_rows(slow.rows), image, "fixed", NULL);
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

/* After ten seconds of patience it is killed and taken back, by one that writes as slowly. */
START_TEST(a_fix_that_does_not_end_in_time_is_taken_back)
{
	struct slow slow;
	struct outcome outcome;

	if (!slow_start(&slow, "wdelay=1500ms"))
		return;
	outcome = BOOTSHIFT("batch", "--timeout", "2", "--jsonl", slow.rows, slow.server.uri);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "timeout");
	slow_stop(&slow);
	assert_taken_back(&slow);
}
END_TEST

START_TEST(images_that_change_or_vanish_while_they_wait_are_told)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;
	const char *grown, *gone, *same;

	if (!slow_start(&slow, "wdelay=100ms"))
		return;
	grown = batch_put(slow.folder, "grown.img", small());
	gone = batch_put(slow.folder, "gone.img", small());
	same = batch_put(slow.folder, "same.img", small());
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri, grown,
				  gone, same);
	wait_for_commit(&slow);
	ck_assert_int_eq(truncate(grown, 300 << 20), 0);
	ck_assert_int_eq(unlink(gone), 0);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), grown, "failed", "changed-meanwhile");
	batch_assert(batch_rows(slow.rows), gone, "failed", "not-found");
	batch_assert(batch_rows(slow.rows), same, "fixed", NULL);
	slow_stop(&slow);
}
END_TEST

/* ---- out of something ---------------------------------------------------------------------- */

START_TEST(an_image_without_room_for_its_undo_file_fails_and_the_next_is_tried)
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
END_TEST

START_TEST(a_batch_that_cannot_write_its_rows_stops)
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
	ASSERT_HAS(outcome.errors, "no more rows can be written");
	ASSERT_HAS(outcome.errors, "1 image has no row in it; go on with --resume");
	ASSERT_HAS(outcome.output, "\n2\n"); /* whole rows */
	ASSERT_HAS(outcome.output, "\\n\n");
	outcome = BOOTSHIFT("batch", "-j1", "--jsonl", "/dev/full", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(no-space)");
}
END_TEST

START_TEST(a_folder_that_may_not_be_read_is_told_and_the_rest_goes_on)
{
	const char *folder = batch_folder(), *closed = text("%s/closed", folder);
	const char *program = text("%s/bootshift-copy", images_folder());
	const char *image = batch_put(folder, "a.img", small());
	struct outcome outcome;

	if (geteuid() != 0)
		return; /* only root can become somebody else */
	ck_assert_int_eq(mkdir(closed, 0700), 0);
	batch_put(closed, "b.img", small());
	ck_assert(chmod(folder, 0777) == 0 && chmod(images_folder(), 0755) == 0 &&
		  chown(image, atoi(NOBODY), atoi(NOBODY)) == 0);
	ASSERT_STATUS(RUN("cp", bootshift_path(), program), 0);
	outcome = RUN("setpriv", "--reuid=" NOBODY, "--regid=" NOBODY, "--clear-groups", program,
		      "batch", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, text("bootshift: %s: the folder cannot be read", closed));
	ASSERT_HAS(outcome.errors, "(no-permission)");
	ASSERT_HAS(outcome.output, text("%s: fixed in ", image));
}
END_TEST

Suite *batch_interruption_suite(void);

Suite *batch_interruption_suite(void)
{
	Suite *suite = suite_create("interrupted batches");
	TCase *tests = tcase_create("interrupted batches"), *slow = tcase_create("slow");

	images_prepare();
	tcase_set_tags(slow, "slow");
	tcase_add_test(slow, a_batch_killed_at_any_moment_goes_on_and_fixes_each_image_once);
	tcase_add_test(tests, an_image_that_was_fixed_and_not_told_is_the_batchs_own);
	tcase_add_test(tests, nothing_is_taken_for_the_batchs_own_by_rows_that_go_to_a_pipe);
	tcase_add_test(tests, a_row_that_was_cut_is_dropped_and_its_image_is_looked_at_again);
	tcase_add_test(tests, lines_that_are_no_rows_are_told_and_passed_over);
	tcase_add_loop_test(tests, a_signal_ends_a_rehearsal_at_once_and_the_rest_is_not_begun, 0,
			    1);
	tcase_add_loop_test(slow, a_signal_ends_a_rehearsal_at_once_and_the_rest_is_not_begun, 1,
			    3);
	tcase_add_test(slow, a_signal_lets_an_image_that_is_written_to_be_finished);
	tcase_add_test(slow, a_second_signal_takes_back_what_was_begun);
	tcase_add_test(slow, a_fix_that_was_killed_while_it_was_verified_is_taken_back);
	tcase_add_test(slow, a_process_that_dies_ends_nothing_but_its_own_image);
	tcase_add_test(slow, an_image_that_takes_too_long_is_given_up);
	tcase_add_test(slow, a_fix_that_does_not_end_in_time_is_taken_back);
	tcase_add_test(slow, images_that_change_or_vanish_while_they_wait_are_told);
	tcase_add_test(tests, an_image_without_room_for_its_undo_file_fails_and_the_next_is_tried);
	tcase_add_test(tests, a_batch_that_cannot_write_its_rows_stops);
	tcase_add_test(tests, a_folder_that_may_not_be_read_is_told_and_the_rest_goes_on);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, slow);
	return suite;
}
