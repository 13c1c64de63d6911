/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that are killed in the middle, at moments spread over the time they take and, as the
 * writing takes only a small part of it, also right after the undo file has appeared.  The next
 * command makes the image wholly old or wholly new.
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

/* How long a command takes that is not interrupted. */
static long long duration(const char *command, const char *image)
{
	long long begun = microseconds();

	ASSERT_STATUS(BOOTSHIFT(command, image), 0);
	return microseconds() - begun;
}

/* The command is interrupted by a signal, unless it ends before. */
static struct outcome interrupt(const char *command, const char *image, int signal, long long after)
{
	struct program program = START_BOOTSHIFT(command, image);

	usleep((useconds_t)after);
	kill(program.process, signal);
	return program_wait(&program);
}

/* The same, counted from the moment when the undo file appears. */
static void kill_while_writing(const char *image, long long after)
{
	const char *undo_file = text("%s.bootshift-undo", image);
	struct program program = START_BOOTSHIFT("fix", image);

	while (access(undo_file, F_OK) != 0 && kill(program.process, 0) == 0)
		;
	usleep((useconds_t)after);
	kill(program.process, SIGKILL);
	program_wait(&program);
}

/* Nothing lies beside the image but the files whose names bootshift(1) gives. */
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

/* By undo, which has nothing to do when the fix had not begun to write, or by fix and undo. */
static void recover_and_check(const char *image, const struct image_state *before, bool by_fix)
{
	struct outcome outcome;

	check_folder(image);
	if (by_fix) {
		ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
		report_run("inspect", image, 0, "nothing-to-do", NULL);
	}
	outcome = BOOTSHIFT("undo", image);
	if (by_fix || outcome.status != 3)
		ASSERT_STATUS(outcome, 0);
	else
		ASSERT_HAS(outcome.errors, "(no-undo-file)");
	state_assert_restored(image, before);
}

START_TEST(a_fix_killed_at_any_moment_leaves_an_old_or_a_new_image)
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
END_TEST

START_TEST(a_fix_killed_while_it_writes_is_taken_back)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	int recoveries = 0;

	for (int i = 0; i < MOMENTS; i++) {
		struct outcome inspection;

		kill_while_writing(image, i * 250);
		inspection = BOOTSHIFT("inspect", image);
		recoveries += inspection.status == 4;
		if (inspection.status == 4)
			ASSERT_HAS(inspection.errors, "(recovery-required); ");
		else
			ASSERT_STATUS(inspection, 0);
		recover_and_check(image, &before, i % 2 == 1);
	}
	/* Else this shows nothing. */
	ck_assert_int_gt(recoveries, 0);
}
END_TEST

START_TEST(an_undo_killed_at_any_moment_can_be_repeated)
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
END_TEST

/* A shell reports 130 of a program that the signal has ended; a fix that is writing goes on. */
START_TEST(an_interrupt_from_the_keyboard_stops_a_fix_cleanly)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	long long whole = duration("fix", image);

	recover_and_check(image, &before, false);
	for (int i = 0; i < MOMENTS / 2; i++) {
		struct outcome outcome = interrupt("fix", image, SIGINT, whole * i * 2 / MOMENTS);
		struct outcome inspection = BOOTSHIFT("inspect", image);

		ck_assert(outcome.status == 128 + SIGINT || outcome.status == 0);
		ASSERT_STATUS(inspection, 0);
		recover_and_check(image, &before, i % 2 == 1);
	}
}
END_TEST

Suite *interruption_suite(void);

Suite *interruption_suite(void)
{
	Suite *suite = suite_create("interruption");
	TCase *tests = tcase_create("interruption");

	images_prepare();
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_fix_killed_at_any_moment_leaves_an_old_or_a_new_image);
	tcase_add_test(tests, a_fix_killed_while_it_writes_is_taken_back);
	tcase_add_test(tests, an_undo_killed_at_any_moment_can_be_repeated);
	tcase_add_test(tests, an_interrupt_from_the_keyboard_stops_a_fix_cleanly);
	suite_add_tcase(suite, tests);
	return suite;
}
