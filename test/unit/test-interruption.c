/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals that ask to stop.  The caller of the library holds them, as the commands do.  A fix stops
 * before it writes, a rehearsal ends at once, and a verification continues.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/session.h"
#include "support/sample.h"
#include "support/state.h"
#include "util/signals.h"

#define PATIENCE 60000 /* milliseconds */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static const struct bs_options options = {.size = sizeof(options)};

/* Check has signal handlers of its own.  A pending signal must not end the test. */
static void setup(void)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	signals_hold_stop();
}

static void teardown(void)
{
	const struct timespec now = {0};
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&held, signals[i]);
	while (sigtimedwait(&held, NULL, &now) > 0) /* ends: each signal is pending at most once */
		;
}

TEST_CASE(interruption, "interruption", .setup = setup, .teardown = teardown);

TEST_LOOP(interruption, a_held_signal_is_seen_and_an_ignored_one_is_not, 0, 3)
{
	sigset_t none;

	ck_assert(!signals_stop_pending());
	raise(signals[_i]);
	ck_assert(signals_stop_pending());
	teardown();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(signals[_i], SIG_IGN);
	signals_hold_stop();
	raise(signals[_i]);
	ck_assert(!signals_stop_pending());
}

TEST_LOOP(interruption, a_fix_that_is_asked_to_stop_writes_nothing, 0, 3)
{
	const char *image = image_copy(image_recipe("small", SAMPLE_SMALL));
	struct image_state before = state_take(image);
	struct bs_result result;

	raise(signals[_i]);
	ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_FAILED);
	ck_assert_int_eq(result.status, BS_STATUS_FAILED);
	ck_assert_ptr_nonnull(strstr(result.error.message, "interrupted by a signal"));
	bs_result_free(&result);
	state_assert_untouched(image, &before);
	teardown();
	ck_assert_int_eq(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE);
	bs_result_free(&result);
	raise(signals[_i]); /* an undo is always writing */
	ck_assert_int_eq(bs_undo(image, &options, &result), BS_EXIT_DONE);
	bs_result_free(&result);
	state_assert_restored(image, &before);
}

static _Noreturn void interrupt_oneself(struct remote_end end, uint64_t size,
					const struct worker_task *task)
{
	(void)end, (void)size, (void)task;
	raise(SIGINT);
	_exit(0);
}

static const struct bs_plan empty_plan;

static const struct worker_task terminal_tasks[] = {
	{.job = WORKER_INSPECT},
	{.job = WORKER_REHEARSE},
	{.job = WORKER_VERIFY, .plan = &empty_plan},
};

TEST_EACH(interruption, the_terminal_ends_a_worker_although_the_caller_holds_signals,
	  terminal_tasks)
{
	struct worker_task task = terminal_tasks[_i];
	struct session_findings findings;
	struct bs_error err = {0};
	struct sample sample;

	sample_open_small(&sample, "interruption", "");
	ck_assert_int_lt(session_run_worker(sample.disk, sample.overlay, &task, interrupt_oneself,
					    PATIENCE, &findings, &err),
			 0);
	ck_assert_msg(strstr(err.message, "signal 2"), "%s", err.message);
	session_free(&findings);
	sample_close(&sample);
}
