/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that are killed at moments spread over their duration.  Writing takes only a small part
 * of that time, so some commands are killed right after the undo file appears.  After the next
 * command, the image is wholly old or wholly new.
 */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

#define MOMENTS 16

static long long microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* The duration of a command that is not interrupted. */
static long long duration(const char *command, const char *image)
{
	long long begun = microseconds();

	ASSERT_STATUS(BOOTSHIFT(command, image), 0);
	return microseconds() - begun;
}

/* Interrupts the command with a signal, unless the command ends before. */
static struct outcome interrupt(const char *command, const char *image, int signal, long long after)
{
	struct program program = START_BOOTSHIFT(command, image);

	usleep((useconds_t)after);
	kill(program.process, signal);
	return program_wait(&program);
}

/* Kills a fix, so long after its undo file has appeared. */
static void kill_while_writing(const char *image, long long after)
{
	const char *undo_file = text("%s.bootshift-undo", image);
	struct program program = START_BOOTSHIFT("fix", image);

	while (access(undo_file, F_OK) != 0 && !program_has_ended(&program))
		;
	usleep((useconds_t)after);
	kill(program.process, SIGKILL);
	program_wait(&program);
}

/* Beside the image there are only files whose names bootshift(1) lists. */
static void check_folder(const char *image)
{
	const char *name = strrchr(image, '/') + 1;
	char *rest, *found = strtok_r((char *)state_folder(image), "\n", &rest);

	for (; found != NULL; found = strtok_r(NULL, "\n", &rest))
		ck_assert(found[0] == '.' || strcmp(found, name) == 0 ||
			  strcmp(found, text("%s.bootshift-undo", name)) == 0 ||
			  strcmp(found, text("%s.bootshift-undo.tmp", name)) == 0 ||
			  strcmp(found, text("%s.bootshift-lock", name)) == 0);
}

/*
 * Recovers the image by undo, or by fix and undo.  Undo has nothing to do if the fix had not begun
 * to write.
 */
static void recover_and_check(const char *image, const struct image_state *before, bool by_fix)
{
	struct outcome outcome;

	check_folder(image);
	if (by_fix) {
		ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
		report_run("inspect", image, 0, "nothing-to-do", NULL);
	}
	outcome = BOOTSHIFT("undo", image);
	ASSERT_STATUS(outcome, 0);
	state_assert_restored(image, before);
}

TEST_CASE(at_any_moment_by_any_signal, "at any moment, by any signal", .tags = "slow");

TEST(at_any_moment_by_any_signal, a_fix_killed_at_any_moment_leaves_an_old_or_a_new_image)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	long long whole = duration("fix", image);

	recover_and_check(image, &before, false);
	for (int i = 0; i < MOMENTS; i++) {
		interrupt("fix", image, SIGKILL, whole * i / MOMENTS);
		recover_and_check(image, &before, i % 2 == 1);
	}
}

TEST_CASE(interruption, "interruption");

TEST(interruption, a_fix_killed_while_it_writes_is_taken_back)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	int recoveries = 0;

	/* The test proves nothing until one fix was killed while it was writing. */
	for (int i = 0; i < MOMENTS || recoveries == 0; i++) {
		struct outcome inspection;

		kill_while_writing(image, i % MOMENTS * 250);
		inspection = BOOTSHIFT("inspect", image);
		recoveries += inspection.status == 4;
		if (inspection.status == 4) {
			ASSERT_HAS(inspection.errors, "(recovery-required); ");
			/* A dry run recovers nothing. */
			ASSERT_STATUS(BOOTSHIFT("undo", "--dry-run", image), 4);
			ASSERT_STATUS(BOOTSHIFT("inspect", image), 4);
		} else {
			ASSERT_STATUS(inspection, 0);
		}
		recover_and_check(image, &before, i % 2 == 1);
	}
}

TEST(at_any_moment_by_any_signal, an_undo_killed_at_any_moment_can_be_repeated)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	long long whole;

	report_run("fix", image, 0, "fixed", NULL);
	whole = duration("undo", image);
	for (int i = 0; i < MOMENTS; i++) {
		ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
		interrupt("undo", image, SIGKILL, whole * i / MOMENTS);
		recover_and_check(image, &before, false);
	}
}

/*
 * The report is true: the image is fixed, or untouched.  If the signal came while the command ran,
 * the report mentions the signal.  No lock file is left in any case.
 */
static void check_told(const struct outcome *outcome, const char *image,
		       const struct image_state *before)
{
	bool fixed = strstr(outcome->output, ": fixed: ") != NULL;

	if (outcome->status == 1)
		/* "; 1 image was not begun" follows if the signal came before the image. */
		ASSERT_HAS(outcome->errors, "bootshift: interrupted by a signal");
	else
		ck_assert_msg(outcome->status > 128 || (outcome->status == 0 && fixed), "status %d",
			      outcome->status);
	if (fixed)
		report_run("inspect", image, 0, "nothing-to-do", NULL);
	else
		state_assert_restored(image, before);
	ck_assert_int_ne(access(text("%s.bootshift-lock", image), F_OK), 0);
}

TEST_LOOP(interruption, a_signal_stops_a_fix_cleanly_and_the_report_is_true, 0, 1)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const char *image = small_image();
	struct image_state before = state_take(image);
	long long whole = duration("fix", image);

	recover_and_check(image, &before, false);
	for (int i = 0; i < MOMENTS; i++) {
		struct outcome outcome = interrupt("fix", image, signals[_i], whole * i / MOMENTS);

		check_told(&outcome, image, &before);
		recover_and_check(image, &before, i % 2 == 1);
	}
}

/* A signal from the terminal also reaches the worker process. */
TEST(at_any_moment_by_any_signal, an_interrupt_from_the_keyboard_stops_a_fix_cleanly)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	long long whole = duration("fix", image);

	recover_and_check(image, &before, false);
	for (int i = 0; i < MOMENTS; i++) {
		struct program program = START("setsid", bootshift_path(), "fix", image);
		struct outcome outcome;

		usleep((useconds_t)(whole * i / MOMENTS));
		kill(-program.process, SIGINT); /* no such group before setsid() has run */
		outcome = program_wait(&program);
		check_told(&outcome, image, &before);
		recover_and_check(image, &before, i % 2 == 1);
	}
}

/* Starts a fix of two images and sends it a signal while it writes the first image. */
static struct outcome stop_in_the_first(const char *const images[2])
{
	const char *undo_file = text("%s.bootshift-undo", images[0]);
	struct program program = START_BOOTSHIFT("fix", "--json", images[0], images[1]);

	while (access(undo_file, F_OK) != 0 && !program_has_ended(&program))
		;
	kill(program.process, SIGTERM);
	return program_wait(&program);
}

TEST(interruption, a_signal_stops_between_two_images_and_those_done_are_reported)
{
	const char *const images[] = {small_image(), small_image()};
	struct image_digest before = image_digest(images[1]);
	struct outcome outcome = stop_in_the_first(images);

	/* On a busy machine, the signal may come late. */
	for (int i = 0; i < MOMENTS && !strstr(outcome.errors, "not begun"); i++) {
		BOOTSHIFT("undo", images[0], images[1]);
		outcome = stop_in_the_first(images);
	}
	ASSERT_STATUS(outcome, 1);
	ck_assert_str_eq(outcome.errors,
			 "bootshift: interrupted by a signal; 1 image was not begun\n");
	ck_assert_str_eq(report_text(report_only(&outcome, "fix"), "status"), "fixed");
	report_run("inspect", images[0], 0, "nothing-to-do", NULL);
	image_assert_same(images[1], &before);
}

/* Whether the shell has executed bootshift. */
static bool runs_bootshift(const struct program *program)
{
	const char *link = text("/proc/%d/exe", (int)program->process);
	char path[4096];
	ssize_t length = readlink(link, path, sizeof(path));

	return length > 0 && strcmp(text("%.*s", (int)length, path), bootshift_path()) == 0;
}

/*
 * Fixes an image and ignores SIGHUP.  Sends the signal every millisecond, from the start of the command
 * to its end.  Returns how many signals were sent.
 */
static int fix_while_signals_come(struct outcome *outcome)
{
	struct program program = START("sh", "-c", "trap '' HUP; exec \"$0\" fix \"$1\"",
				       bootshift_path(), small_image());
	int sent = 0;

	for (; !program_has_ended(&program); usleep(1000)) {
		if (!runs_bootshift(&program))
			continue;
		ck_assert_int_eq(kill(program.process, SIGHUP), 0);
		sent++;
	}
	*outcome = program_wait(&program);
	return sent;
}

TEST(interruption, a_signal_that_is_ignored_does_not_stop_a_fix)
{
	struct outcome outcome;

	/* On a busy machine, a fix may end before this process sees it. */
	while (fix_while_signals_come(&outcome) == 0)
		;
	ASSERT_STATUS(outcome, 0);
	ASSERT_HAS(outcome.output, ": fixed: ");
}

TEST_ALSO(at_any_moment_by_any_signal, a_signal_stops_a_fix_cleanly_and_the_report_is_true, 1, 3);
