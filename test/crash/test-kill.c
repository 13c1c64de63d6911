/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process is killed at each call with which a fix, an undo or a recovery changes something: by
 * number, not by time.  A write is then half done.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/explore.h"
#include "crash/real.h"
#include "crash/small.h"
#include "support/test.h"

/* Makes what the action begins with, then runs the action in a process that is killed at a call. */
static bool kill_at(const struct subject *subject, enum action action, int number)
{
	const struct recorder_trouble trouble = {TROUBLE_KILL, number, 0};
	struct bs_error err;
	pid_t child;
	int status;

	subject_prepare(subject, action);
	if (action == ACTION_FIX)
		(void)unlink(subject->new); /* the fix that follows may differ from the last one */
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		recorder_start(subject->folder, subject->image, &trouble);
		_exit(subject_run(subject, action, &err) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "call %d", number);
	return false;
}

/* Returns the number of kills. */
static int kill_at_each(const struct subject *subject, enum action action)
{
	/* What the action touches, so that not all of a large image is compared each time. */
	struct recording *recording = explore_record(subject, action, NULL);
	int number = 0;

	for (bool killed = true; killed; number++) {
		const char *problem;

		killed = kill_at(subject, action, number);
		problem = subject_judge(subject, action, !killed, recording);
		ck_assert_msg(!problem, "%s of %s killed at call %d (%s): %s", action_title(action),
			      subject->name, number,
			      killed ? recording->events[number].text : "its end", problem);
	}
	ck_assert_int_eq(number - 1, recording->event_count);
	storage_free(recording);
	return number - 1;
}

TEST_CASE(kills, "kills");

TEST_LOOP(kills, a_kill_at_any_call_leaves_old_or_new_or_what_a_command_makes_old, 0,
	  SMALL_TESTS(SMALL_EVERYDAY))
{
	struct subject subject;
	int sum;

	if (!small_open(&subject, (enum small_kind)(_i / ACTIONS)))
		return;
	sum = kill_at_each(&subject, (enum action)(_i % ACTIONS));
	ck_assert_int_ge(sum, _i % ACTIONS == ACTION_ACCEPT ? 2 : 8);
	small_close(&subject);
}

TEST_CASE(all_kills, "kills of all small images", .tags = "crash slow");

TEST_ALSO(all_kills, a_kill_at_any_call_leaves_old_or_new_or_what_a_command_makes_old,
	  SMALL_TESTS(SMALL_EVERYDAY), SMALL_TESTS(SMALL_KINDS));

TEST_CASE(formats, "kills in each format", .tags = "crash");

TEST_LOOP(formats, a_kill_at_any_call_leaves_an_image_of_each_format_old_or_new, 0, REAL_KINDS)
{
	struct subject subject;
	int sum = 0;

	if (!real_open(&subject, (enum real_kind)_i))
		return;
	for (int action = 0; action < ACTIONS; action++)
		sum += kill_at_each(&subject, (enum action)action);
	printf("kills: %d (%s)\n", sum, subject.name);
	fflush(stdout);
	real_close(&subject);
}
