/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes that run side by side: what they report, how they end, and that none of them is left.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/pool.h"
#include "rows/row.h"
#include "util/signals.h"

#include "support/test.h"

#define PATIENCE 60 /* seconds after which a leftover process ends itself */

static struct pool *pool;
static struct bs_error err;

static void setup(void)
{
	pool = pool_open(4, -1, &err);
	ck_assert_ptr_nonnull(pool);
}

static void teardown(void)
{
	pool_close(pool);
}

static void start(size_t slot, pool_work *work, void *task)
{
	ck_assert_msg(pool_start(pool, slot, work, task, &err) == 0, "%s", err.message);
}

/* Waits for the next event of a kind, and ignores other events before it. */
static struct pool_event await(enum pool_event_kind kind)
{
	struct pool_event event;

	do /* ends at the latest at the test's time limit */
		ck_assert_int_eq(pool_wait(pool, 100, &event, &err), 0);
	while (event.kind != kind);
	return event;
}

static void write_text(int channel, const char *text)
{
	ck_assert_int_eq(write(channel, text, strlen(text)), (ssize_t)strlen(text));
}

static void tell(void *task, int channel)
{
	write_text(channel, task);
}

TEST_CASE(pool_tests, "pool", .setup = setup, .teardown = teardown);

TEST(pool_tests, phases_and_the_line_come_over)
{
	char text[] = "\1{\"a\":\2}\n"; /* within a line, the byte of a phase is text */
	struct pool_event event;

	text[0] = BS_PHASE_REHEARSING;
	start(2, tell, text);
	event = await(POOL_ENDED);
	ck_assert_uint_eq(event.slot, 2);
	ck_assert_int_eq(event.phase, BS_PHASE_REHEARSING);
	ck_assert_str_eq(event.line, "{\"a\":\2}");
	ck_assert(WIFEXITED(event.status));
	free(event.line);
}

TEST(pool_tests, how_much_of_a_phase_is_done_comes_over)
{
	char text[] = "\1\1{}\n";
	struct pool_event event;

	text[1] = (char)(POOL_AMOUNT + 40);
	start(0, tell, text);
	event = await(POOL_PHASE);
	ck_assert_int_eq(event.phase, 1);
	ck_assert_uint_eq(event.percent, 40);
}

static const char *const nonsense[] = {"", "no end", "{one}\n{two}\n", "{one}\nmore", "\n\n"};

TEST_EACH(pool_tests, what_is_not_one_line_is_none, nonsense)
{
	start(0, tell, (void *)nonsense[_i]);
	ck_assert_ptr_null(await(POOL_ENDED).line);
}

/* The limit of open files is low, and the user asks for many slots. */
TEST(pool_tests, there_may_be_more_slots_than_open_files)
{
	char line[] = "{}\n";
	struct rlimit limit, low;
	struct pool_event event;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){.rlim_cur = 64, .rlim_max = limit.rlim_max};
	pool_close(pool);
	pool = pool_open(2 * low.rlim_cur, -1, &err);
	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	start(1, tell, line);
	event = await(POOL_ENDED);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(event.slot, 1);
	ck_assert_str_eq(event.line, "{}");
	free(event.line);
}

/* Tells a line of *task bytes, with its newline. */
static void tell_a_line(void *task, int channel)
{
	size_t length = *(size_t *)task;
	FILE *stream = fdopen(channel, "w");

	ck_assert_int_eq(fprintf(stream, "%*s\n", (int)length - 1, "{}"), (int)length);
	ck_assert_int_eq(fflush(stream), 0);
}

TEST_LOOP(pool_tests, a_line_comes_over_up_to_the_length_of_a_row, 0, 2)
{
	size_t length = ROW_LENGTH_MAX + (size_t)_i;
	struct pool_event event;

	start(0, tell_a_line, &length);
	event = await(POOL_ENDED);
	ck_assert_int_eq(event.line != NULL, _i == 0);
	ck_assert(_i == 1 || strlen(event.line) == ROW_LENGTH_MAX - 1);
	free(event.line);
}

static void tell_a_lot(void *task, int channel)
{
	char *piece = malloc(1 << 20);

	memset(piece, 'x', 1 << 20);
	for (size_t i = 0; i < *(size_t *)task >> 20; i++)
		ck_assert_int_eq(write(channel, piece, 1 << 20), 1 << 20);
	write_text(channel, "\n");
	free(piece);
}

TEST(pool_tests, what_is_kept_of_a_process_that_never_stops_is_bounded)
{
	size_t length = 64u << 20;

	start(0, tell_a_lot, &length);
	ck_assert_ptr_null(await(POOL_ENDED).line);
}

/* Waits until the process is asked to stop, as after a failed test. */
static void wait_forever(void *task, int channel)
{
	(void)task;
	write_text(channel, "\1");
	while (!signals_stop_pending())
		usleep(1000);
}

TEST(pool_tests, a_phase_is_told_while_the_process_works)
{
	struct pool_event event;

	start(1, wait_forever, NULL);
	event = await(POOL_PHASE);
	ck_assert_uint_eq(event.slot, 1);
	ck_assert_int_eq(event.phase, 1);
}

TEST(pool_tests, a_process_that_dies_is_told_and_its_slot_is_free_again)
{
	char text[] = "{}\n";
	struct pool_event event;

	start(0, wait_forever, NULL);
	await(POOL_PHASE);
	pool_signal(pool, 0, SIGKILL);
	event = await(POOL_ENDED);
	ck_assert(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGKILL);
	ck_assert_ptr_null(event.line);
	start(0, tell, text);
	event = await(POOL_ENDED);
	ck_assert_str_eq(event.line, "{}");
	free(event.line);
}

/* The child leaves a process of its own behind, which holds the pipe. */
static void leave_one_behind(void *task, int channel)
{
	pid_t child = fork();

	(void)task;
	if (child == 0) {
		sleep(PATIENCE);
		_exit(0);
	}
	dprintf(channel, "{%d}\n", (int)child);
}

TEST(pool_tests, nothing_of_a_process_is_left_once_it_has_ended)
{
	struct pool_event event;
	pid_t left;

	start(0, leave_one_behind, NULL);
	event = await(POOL_ENDED);
	left = atoi(event.line + 1);
	free(event.line);
	ck_assert_int_gt(left, 0);
	/* Waits until the process that inherited the zombie has collected it. */
	for (int i = 0; i < PATIENCE * 500 && kill(left, 0) == 0; i++)
		usleep(1000);
	ck_assert(kill(left, 0) < 0 && errno == ESRCH);
}

static void count_descriptors(void *task, int channel)
{
	(void)task;
	dprintf(channel, "{%d}\n", open_descriptors());
}

TEST(pool_tests, a_process_has_the_standard_descriptors_and_its_channel)
{
	int ends[2];
	struct pool_event event;

	ck_assert_int_eq(pipe(ends), 0);
	start(0, wait_forever, NULL);
	start(1, count_descriptors, NULL);
	event = await(POOL_ENDED);
	ck_assert_str_eq(event.line, "{4}"); /* three, and the channel */
	free(event.line);
	close(ends[0]);
	close(ends[1]);
}

TEST(pool_tests, a_process_keeps_the_descriptor_that_was_named)
{
	int ends[2], others[2];
	struct pool_event event;

	pool_close(pool);
	ck_assert_int_eq(pipe(ends), 0);
	pool = pool_open(1, ends[1], &err);
	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(pipe(others), 0);
	start(0, count_descriptors, NULL);
	event = await(POOL_ENDED);
	ck_assert_str_eq(event.line, "{5}");
	free(event.line);
}

/* Reports on standard error if the process is not asked to stop. */
static void tell_whether_asked(void *task, int channel)
{
	(void)task;
	write_text(channel, "\1");
	for (int i = 0; i < PATIENCE * 1000 && !signals_stop_pending(); i++)
		usleep(1000);
	if (signals_stop_pending())
		dprintf(channel, "{asked}\n");
	else
		dprintf(STDERR_FILENO, "forgotten\n");
}

TEST(pool_tests, a_process_holds_the_signal_that_asks_it_to_stop)
{
	struct pool_event event;

	start(0, tell_whether_asked, NULL);
	await(POOL_PHASE);
	pool_signal(pool, 0, SIGTERM);
	event = await(POOL_ENDED);
	ck_assert_str_eq(event.line, "{asked}");
	free(event.line);
}

TEST_LOOP(pool_tests, signals_to_us_are_told_each_time, 0, 3)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	start(0, wait_forever, NULL);
	for (int i = 0; i < 2; i++) {
		kill(getpid(), signals[_i]);
		await(POOL_SIGNAL);
	}
}

/* The middle one of three processes.  It starts a process in a pool of its own, and is killed. */
static _Noreturn void be_killed(int report)
{
	struct pool *own = pool_open(1, -1, &err);
	int task = report;

	if (own && pool_start(own, 0, tell_whether_asked, &task, &err) == 0) {
		struct pool_event event;

		while (pool_wait(own, 100, &event, &err) == 0 && event.kind != POOL_PHASE)
			;
		raise(SIGKILL);
	}
	_exit(1);
}

TEST(pool_tests, a_process_is_asked_to_stop_when_we_are_killed)
{
	int ends[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO); /* the process keeps this end until it ends */
	child = fork();
	if (child == 0)
		be_killed(ends[1]);
	close(ends[1]);
	close(STDERR_FILENO);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
}
