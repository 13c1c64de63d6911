/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "util/process.h"

TEST_CASE(process, "process");

/* A child that ends with status 3 when the writing end of the pipe is closed. */
static pid_t start_reader(const int pipe_ends[2])
{
	pid_t child = fork();
	char byte;

	if (child != 0)
		return child;
	close(pipe_ends[1]);
	_exit(read(pipe_ends[0], &byte, 1) == 0 ? 3 : 1);
}

TEST(process, a_child_that_ends_in_time_keeps_its_status)
{
	int pipe_ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	child = start_reader(pipe_ends);
	ck_assert(!process_wait(child, 0));
	close(pipe_ends[1]);
	status = process_end(child, -1);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	ck_assert_int_eq(waitpid(child, NULL, 0), -1);
	close(pipe_ends[0]);
}

TEST(process, a_child_that_does_not_end_is_killed)
{
	int pipe_ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	child = start_reader(pipe_ends);
	status = process_end(child, 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

/* The grandchild holds the pipe, so its end shows that the grandchild has ended. */
TEST(process, a_child_ends_with_its_parent)
{
	int pipe_ends[2];
	pid_t child, grandchild;
	char byte;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	child = fork();
	if (child == 0) {
		pid_t parent = getpid();

		grandchild = fork();
		if (grandchild > 0)
			pause();
		if (process_end_with_parent(parent) < 0 || write(pipe_ends[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(pipe_ends[1]);
	ck_assert_int_eq(read(pipe_ends[0], &byte, 1), 1);
	process_end(child, 0);
	ck_assert_int_eq(read(pipe_ends[0], &byte, 1), 0);
	close(pipe_ends[0]);
}

TEST(process, a_parent_that_has_ended_already_is_noticed)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(process_end_with_parent(1) < 0 && errno == ESRCH ? 0 : 1);
	status = process_end(child, -1);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(process, a_child_has_the_numbers_that_it_chose_in_its_namespace)
{
	struct process_identity identity;
	pid_t child;
	int status;

	process_identify(&identity, 11, 12);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWUSER) < 0 || process_take_identity(&identity) < 0)
			_exit(2);
		_exit(getuid() == 11 && getgid() == 12 ? 0 : 1);
	}
	status = process_end(child, -1);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
