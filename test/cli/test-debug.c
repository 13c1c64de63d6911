/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With --debug, bootshift reports its own work on standard error, and nowhere else. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/samples.h"

#define ENVIRONMENT(value, ...) RUN("env", "BOOTSHIFT_DEBUG=" value, bootshift_path(), __VA_ARGS__)

TEST_CASE(debug, "debug");

TEST(debug, each_step_is_shown_and_the_report_stays_the_same)
{
	const char *image = small_image();
	struct outcome plain = BOOTSHIFT("inspect", image),
		       option = BOOTSHIFT("inspect", "--debug", image),
		       variable = ENVIRONMENT("1", "inspect", image);

	ASSERT_STATUS(plain, 0);
	ASSERT_STATUS(option, 0);
	ASSERT_STATUS(variable, 0);
	ck_assert_str_eq(plain.errors, "");
	ck_assert_str_eq(plain.output, option.output);
	ck_assert_str_eq(plain.output, variable.output);
	ASSERT_HAS(option.errors, "inspect: ");
	ASSERT_HAS(variable.errors, "inspect: ");
	ASSERT_HAS(variable.errors, " messages, ");
	ASSERT_HAS_NOT(variable.errors, "-> inspection");
}

TEST(debug, a_fix_shows_its_steps_in_their_order)
{
	static const char *const steps[] = {
		"open: ",   "lay the stack: ", "inspect: ",      "plan and prove: ", "stage: ",
		"settle: ", "verify: ",        "locate zones: ", "commit: "};
	struct outcome outcome = BOOTSHIFT("fix", "--debug", small_image());
	const char *rest = outcome.errors;

	ASSERT_STATUS(outcome, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ASSERT_HAS(rest, steps[i]);
		rest = strstr(rest, steps[i]) + strlen(steps[i]);
	}
}

TEST(debug, a_step_that_fails_is_shown_with_the_reason_and_the_status_stays_the_same)
{
	struct outcome outcome = ENVIRONMENT("1", "fix", image_built("no-active", false));

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "refuse: failed after ");
	ASSERT_HAS(outcome.errors, "no-active-partition");
}

TEST(debug, messages_are_shown_when_more_is_asked_for)
{
	struct outcome outcome = ENVIRONMENT("2", "plan", small_image());

	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.errors, "-> inspection, ");
	ASSERT_HAS(outcome.errors, "<- proceed, 0 bytes");
	ASSERT_HAS(outcome.errors, "-> read, ");
}

/* Waits until a process has reported that it stops itself, and has stopped.  Returns its number. */
static pid_t await_stop(const struct program *program)
{
	char said[4096] = "", state = '?';
	const char *kill_it = NULL;
	pid_t process;

	while (!kill_it) {
		ck_assert_int_ge(pread(program->errors, said, sizeof(said) - 1, 0), 0);
		kill_it = strstr(said, "kill -CONT ");
		usleep(1000);
	}
	process = atoi(kill_it + strlen("kill -CONT "));
	while (state != 'T') {
		FILE *file = fopen(text("/proc/%d/stat", (int)process), "r");

		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
		usleep(1000);
	}
	return process;
}

TEST(debug, a_worker_waits_for_a_debugger_and_goes_on)
{
	struct program program =
		START("env", "BOOTSHIFT_DEBUG=wait", bootshift_path(), "inspect", small_image());

	ck_assert_int_eq(kill(await_stop(&program), SIGCONT), 0);
	ASSERT_STATUS(program_wait(&program), 0);
}
