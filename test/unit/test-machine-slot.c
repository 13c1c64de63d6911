/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <signal.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine/machine-slot.h"
#include "support/program.h"

#define LONG 60000 /* milliseconds */

TEST_CASE(machine_slot, "machine slot");

#define PROCESSES_MAX 1024

/* Takes a slot in process `number`, which then writes its number to the pipe. */
static pid_t take_in_process(int number, int pipe)
{
	pid_t process = fork();
	struct bs_error err;

	if (process > 0)
		return process;
	if (machine_slot_take(LONG, &err) >= 0 && write(pipe, &number, sizeof(number)) > 0)
		pause();
	_exit(1);
}

/* Returns the number of a process that has got a slot, or -1. */
static int got_one(int pipe, int milliseconds)
{
	struct pollfd waiting = {.fd = pipe, .events = POLLIN};
	int number;

	return poll(&waiting, 1, milliseconds) == 1 &&
			       read(pipe, &number, sizeof(number)) == (ssize_t)sizeof(number)
		       ? number
		       : -1;
}

TEST(machine_slot, there_are_as_many_as_processors_and_a_killed_process_frees_its_slot)
{
	int count = get_nprocs(), channel[2], first = -1;
	pid_t processes[PROCESSES_MAX] = {0};

	ck_assert_int_lt(count, PROCESSES_MAX);
	ck_assert_int_eq(pipe(channel), 0);
	for (int i = 0; i <= count; i++)
		processes[i] = take_in_process(i, channel[1]);
	for (int i = 0; i < count; i++) {
		first = got_one(channel[0], LONG);
		ck_assert_int_ge(first, 0);
	}
	ck_assert_int_eq(got_one(channel[0], 200), -1);
	kill(processes[first], SIGKILL);
	ck_assert_int_ge(got_one(channel[0], LONG), 0);
	for (int i = 0; i <= count; i++) {
		kill(processes[i], SIGKILL);
		waitpid(processes[i], NULL, 0);
	}
}

TEST(machine_slot, waiting_has_an_end)
{
	struct bs_error err;
	int slots[PROCESSES_MAX], count = get_nprocs() + 1;

	ck_assert_int_lt(count, PROCESSES_MAX);
	for (int i = 0; i < count; i++)
		slots[i] = machine_slot_take(100, &err);
	for (int i = 0; i < count; i++) {
		ck_assert_int_ge(slots[i], 0);
		machine_slot_free(slots[i]);
	}
}
