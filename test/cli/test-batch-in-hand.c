/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches that are stopped, or lose a process, while they work on an image; and batches that run
 * after a killed batch.  The image is behind an NBD server that reads or writes slowly, or never
 * answers, so that the batch is working on the image at a certain moment.
 */
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"
#include "support/server.h"

static const char *small(void)
{
	return image_recipe("small", SAMPLE_SMALL);
}

/* ---- a slow server ------------------------------------------------------------------------- */

struct slow {
	const char *folder, *rows, *file;
	struct image_digest before;
	struct server server;
};

/*
 * An image behind a server with this delay, in the syntax of nbdkit's filter.  False: no server
 * here.
 */
static bool slow_start(struct slow *slow, const char *delay)
{
	if (!test_needs_program("nbdkit"))
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

/* Number of undo files of the slow image. */
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
	while (undo_files(slow) == 0) /* ends at the latest at the test's time limit */
		usleep(1000);
}

static void assert_taken_back(const struct slow *slow)
{
	image_assert_same(slow->file, &slow->before);
	ck_assert_int_eq(undo_files(slow), 0);
}

/* Process numbers of the children, one a line. */
static const char *children(const struct program *batch)
{
	return RUN("pgrep", "-P", text("%d", (int)batch->process)).output;
}

/* Waits until the batch works on an image.  The test's time limit ends the wait. */
static void wait_for_image(const struct program *batch)
{
	while (children(batch)[0] == '\0')
		usleep(1000);
}

TEST_CASE(batches_with_an_image_in_hand, "batches with an image in hand");

TEST_LOOP(batches_with_an_image_in_hand,
	  a_signal_ends_a_rehearsal_at_once_and_the_rest_is_not_begun, 0, 1)
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
	ck_assert_str_eq(
		outcome.errors,
		"bootshift: interrupted by a signal; 1 image was not begun; to go on, give "
		"the same command again with --resume\n");
	ASSERT_HAS_NOT(outcome.output, "not begun");
	ck_assert_uint_eq(json_array_size(batch_rows(slow.rows)), 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "interrupted");
	state_assert_untouched(image, &before);
	slow_stop(&slow);
	assert_taken_back(&slow);
}

TEST_CASE(slow_tests, "slow", .tags = "slow");

TEST(slow_tests, a_signal_lets_an_image_that_is_written_to_be_finished)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;

	if (!slow_start(&slow, "wdelay=100ms"))
		return;
	program = START_BOOTSHIFT("batch", "-j1", "--jsonl", slow.rows, slow.server.uri,
				  batch_write(slow.folder, "none", "no disk"));
	wait_for_commit(&slow);
	kill(program.process, SIGTERM);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "bootshift: finishing 1 image; once more ends it now\n");
	ASSERT_HAS(outcome.errors, "bootshift: interrupted by a signal; 1 image was not begun; ");
	ck_assert_uint_eq(json_array_size(batch_rows(slow.rows)), 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "fixed", NULL);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", slow.rows), 0);
	slow_stop(&slow);
	assert_taken_back(&slow);
}

TEST(slow_tests, a_second_signal_takes_back_what_was_begun)
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
	kill(program.process, SIGTERM); /* not SIGINT again: two equal pending signals are one */
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	row = batch_row(batch_rows(slow.rows), slow.server.uri);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "interrupted");
	ASSERT_HAS(report_text(row, "message"), "its changes were undone");
	slow_stop(&slow);
	assert_taken_back(&slow);
}

/* The offset of a mark in an undo file, see bootshift-journal(5). */
#define UNDOING_START 8192

static void wait_for_mark(const struct slow *slow, off_t start)
{
	const char *pattern = text("%s/bootshift/*.bootshift-undo", slow->folder);
	char mark[8] = {0};

	while (mark[0] == 0) { /* ends at the latest at the test's time limit */
		struct stat status;
		glob_t found;

		wait_for_commit(slow);
		ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
		if (stat(found.gl_pathv[0], &status) == 0 &&
		    status.st_size > start + (off_t)sizeof(mark))
			file_read(found.gl_pathv[0], start, mark, sizeof(mark));
		globfree(&found);
		usleep(1000);
	}
}

/* The process of the image dies, as when memory runs out.  The other processes continue. */
TEST(slow_tests, a_process_that_dies_ends_nothing_but_its_own_image)
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

TEST(slow_tests, an_image_that_takes_too_long_is_given_up)
{
	struct slow slow;
	struct outcome outcome;
	const char *image;

	if (!slow_start(&slow, "rdelay=1000ms"))
		return;
	image = batch_put(slow.folder, "next.img", small());
	outcome = BOOTSHIFT("batch", "-j1", "--timeout", "30", "--jsonl", slow.rows,
			    slow.server.uri, image);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "failed", "timeout");
	batch_assert(batch_rows(slow.rows), image, "fixed", NULL);
	slow_stop(&slow);
	assert_taken_back(&slow);
}

/*
 * After ten seconds the process is killed.  The recovery, which writes as slowly, undoes the fix.
 */
TEST(slow_tests, a_fix_that_does_not_end_in_time_is_taken_back)
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

TEST(slow_tests, images_that_change_or_vanish_while_they_wait_are_told)
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

/* The image changes, as if a process of the killed run had written to it. */
TEST(slow_tests, a_batch_that_goes_on_bears_an_image_that_has_changed_and_is_at_rest)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;
	const char *image;

	if (!slow_start(&slow, "wdelay=100ms"))
		return;
	image = batch_put(slow.folder, "touched.img", small());
	ASSERT_STATUS(RUN("touch", slow.rows), 0);
	program = START_BOOTSHIFT("batch", "-j1", "--resume", "--jsonl", slow.rows, slow.server.uri,
				  image);
	wait_for_commit(&slow);
	ASSERT_STATUS(RUN("touch", image), 0);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 0);
	batch_assert(batch_rows(slow.rows), image, "fixed", NULL);
	slow_stop(&slow);
}

/* ---- after a killed command ---------------------------------------------------------------- */

static void kill_alone(struct program *program)
{
	kill(program->process, SIGKILL);
	ASSERT_STATUS(program_wait(program), 128 + SIGKILL);
}

/* The process that works on the image finishes it.  The next command waits for that process. */
TEST(slow_tests, what_a_killed_command_still_has_in_hand_is_waited_for)
{
	struct slow slow;
	struct program program;

	if (!slow_start(&slow, "wdelay=200ms"))
		return;
	program = START_BOOTSHIFT("batch", "--jsonl", slow.rows, slow.server.uri);
	wait_for_commit(&slow);
	kill_alone(&program);
	ASSERT_STATUS(BOOTSHIFT("batch", "--resume", "--jsonl", slow.rows, slow.server.uri), 0);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "fixed", NULL);
	program = START_BOOTSHIFT("undo", "--from", slow.rows);
	wait_for_mark(&slow, UNDOING_START);
	kill_alone(&program);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", slow.rows), 0);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "undone", NULL);
	slow_stop(&slow);
	assert_taken_back(&slow);
}

/* ---- a server that never answers ----------------------------------------------------------- */

/* A server that only listens on a socket in a folder. */
static int listen_mutely(const char *folder, const char **uri)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/mute.sock", folder);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	*uri = text("nbd+unix:///?socket=%s", address.sun_path);
	return listener;
}

/* Returns how many clients have connected, and closes the listener. */
static int count_connections(int listener)
{
	int count = 0;

	for (int one; (one = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; count++)
		close(one);
	close(listener);
	return count;
}

/* Nothing was begun, so there is nothing to undo: no process connects a second time. */
TEST(batches_with_an_image_in_hand, a_second_signal_ends_the_wait_for_a_server_that_never_answers)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder), *uri;
	struct pollfd listener = {.fd = listen_mutely(folder, &uri), .events = POLLIN};
	struct program program = START_BOOTSHIFT("batch", "--jsonl", rows, uri);
	struct outcome outcome;

	ck_assert_int_eq(poll(&listener, 1, -1), 1);
	kill(program.process, SIGINT);
	kill(program.process, SIGTERM);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 1);
	batch_assert(batch_rows(rows), uri, "failed", "interrupted");
	ck_assert_int_eq(count_connections(listener.fd), 1);
}

TEST(slow_tests, an_image_behind_a_server_that_never_answers_is_given_up)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder), *uri;
	int listener = listen_mutely(folder, &uri);

	ASSERT_STATUS(BOOTSHIFT("batch", "-j1", "--timeout", "2", "--jsonl", rows, uri), 1);
	batch_assert(batch_rows(rows), uri, "failed", "timeout");
	ck_assert_int_eq(count_connections(listener), 1);
}

/* The server answers no write, neither of the fix nor of the recovery. */
TEST(slow_tests, a_third_signal_leaves_what_cannot_be_taken_back_to_the_next_command)
{
	struct slow slow;
	struct program program;
	struct outcome outcome;
	const char *first;

	if (!slow_start(&slow, "wdelay=3600"))
		return;
	program = START_BOOTSHIFT("batch", "--jsonl", slow.rows, slow.server.uri);
	wait_for_commit(&slow);
	first = children(&program);
	kill(program.process, SIGINT);
	kill(program.process, SIGTERM);
	/*
	 * Waits for the process that replaces the first one.  The test's time limit ends the wait.
	 */
	while (children(&program)[0] == '\0' || strcmp(children(&program), first) == 0)
		usleep(1000);
	kill(program.process, SIGHUP);
	outcome = program_wait(&program);
	ASSERT_STATUS(outcome, 4);
	batch_assert(batch_rows(slow.rows), slow.server.uri, "recovery-required",
		     "recovery-required");
	ASSERT_HAS(report_text(batch_row(batch_rows(slow.rows), slow.server.uri), "message"),
		   "did not end either");
	ck_assert_int_eq(undo_files(&slow), 1);
	slow_stop(&slow);
	SERVER_START(&slow.server, slow.folder, "nbdkit", "file", slow.file);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", slow.rows), 0);
	slow_stop(&slow);
	assert_taken_back(&slow);
}

TEST_ALSO(slow_tests, a_signal_ends_a_rehearsal_at_once_and_the_rest_is_not_begun, 1, 3);
