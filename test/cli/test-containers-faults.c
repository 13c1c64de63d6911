/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fix of a container that goes wrong: bootshift or its qemu-nbd is killed, or qemu-nbd is
 * missing. The container stays as it was, and nothing is left behind: no process, no mount, no
 * file.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"

/* The moments of killing are spread over this time.  A fix of the sample takes about 100 ms. */
#define MOMENTS 12
#define STEP    8000 /* microseconds */

#define PATIENCE 60000 /* milliseconds; limit of a wait for an event */

enum { VHDX, QCOW2, KIND_COUNT };

static const struct container_kind kinds[] = {
	[VHDX] = {"vhdx", "vhdx", "", true, NULL},
	[QCOW2] = {"qcow2", "qcow2", "", true, NULL},
};

static const char *make(int kind)
{
	return container_make(&kinds[kind], image_recipe("small", SAMPLE_SMALL));
}

/* ---- what is left behind -------------------------------------------------------------------- */

/* From now on, this process adopts orphans, and temporary files go to a folder of their own. */
static const char *watch_leftovers(void)
{
	const char *folder = test_folder();

	ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	return folder;
}

/* If this process has no child any more, no child of a killed process is left. */
static void assert_no_orphans(void)
{
	for (int i = 0; i < PATIENCE; i++) {
		pid_t process = waitpid(-1, NULL, WNOHANG);

		if (process < 0) {
			ck_assert_int_eq(errno, ECHILD);
			return;
		}
		if (process == 0)
			usleep(1000);
	}
	ck_abort_msg("a process was left behind");
}

static void assert_nothing_left(const char *temporary)
{
	assert_no_orphans();
	ck_assert_str_eq(state_folder(text("%s/any", temporary)), ".\n..\n");
	free(image_run(1, "grep bootshift /proc/self/mountinfo"));
}

/* ---- bootshift is killed -------------------------------------------------------------------- */

/*
 * Returns whether the fix had not begun to write.  In that case, a killed process leaves beside the
 * container only a lock file, which counts only while somebody holds it, and an unfinished undo
 * file.
 */
static bool was_before_the_commit(const char *container)
{
	if (access(text("%s.bootshift-undo", container), F_OK) == 0)
		return false;
	unlink(text("%s.bootshift-lock", container));
	unlink(text("%s.bootshift-undo.tmp", container));
	return true;
}

TEST_CASE(containers_faults, "containers-faults");
TEST_CASE(killed, "killed", .tags = "slow");

TEST_LOOP(containers_faults, a_fix_killed_before_the_commit_leaves_the_container_and_nothing_else,
	  0, KIND_COUNT)
{
	const char *container = make(_i), *temporary = watch_leftovers();
	struct image_state untouched = state_take(container), before = untouched;
	int early = 0;

	for (int i = 0; i < MOMENTS; i++) {
		struct program program = START_BOOTSHIFT("fix", container);

		usleep((useconds_t)(i * STEP));
		kill(program.process, SIGKILL);
		program_wait(&program);
		assert_nothing_left(temporary);
		if (was_before_the_commit(container)) {
			early++;
			state_assert_untouched(container, &untouched);
		} else {
			report_run("undo", container, 0, "undone", NULL);
			state_assert_restored(container, &before);
			untouched = state_take(container);
		}
	}
	ck_assert_int_gt(early, 0);
}

/* ---- qemu-nbd is killed --------------------------------------------------------------------- */

static bool is_qemu_nbd(long process)
{
	char name[32] = "";
	FILE *stream = fopen(text("/proc/%ld/comm", process), "r");

	if (stream != NULL) {
		if (fgets(name, sizeof(name), stream) == NULL)
			name[0] = '\0';
		fclose(stream);
	}
	return strcmp(name, "qemu-nbd\n") == 0;
}

/* The qemu-nbd that is a child of a process; 0: none. */
static pid_t find_driver(pid_t parent)
{
	char line[128] = "";
	FILE *stream = fopen(text("/proc/%d/task/%d/children", parent, parent), "r");
	char *rest = line;

	if (stream == NULL)
		return 0;
	if (fgets(line, sizeof(line), stream) == NULL)
		line[0] = '\0';
	fclose(stream);
	for (;;) { /* the loop ends with the line */
		char *number = rest;
		long process = strtol(number, &rest, 10);

		if (rest == number)
			return 0;
		if (is_qemu_nbd(process))
			return (pid_t)process;
	}
}

/* Waits for a qemu-nbd other than `last`.  Returns 0 if the program ends without another one. */
static pid_t next_driver(const struct program *program, pid_t last)
{
	siginfo_t ended = {0};
	pid_t driver = 0;

	while ((driver == 0 || driver == last) && ended.si_pid == 0) {
		driver = find_driver(program->process);
		waitid(P_PID, (id_t)program->process, &ended, WEXITED | WNOHANG | WNOWAIT);
	}
	return driver != last ? driver : 0;
}

/*
 * A fix starts two qemu-nbd: one stages, and one verifies the staged content.  The function kills
 * one of them so many microseconds after it appeared, unless it has ended before.
 */
enum driver { STAGING, VERIFYING };

static struct outcome fix_and_kill(const char *container, enum driver which, useconds_t after)
{
	struct program program = START_BOOTSHIFT("fix", container);
	pid_t driver = next_driver(&program, 0);

	if (which == VERIFYING)
		driver = next_driver(&program, driver);
	usleep(after);
	if (driver > 0 && find_driver(program.process) == driver)
		kill(driver, SIGKILL);
	return program_wait(&program);
}

static void assert_driver_blamed(const struct outcome *outcome)
{
	ASSERT_STATUS(*outcome, 1);
	ASSERT_HAS(outcome->errors, "qemu-nbd");
	ASSERT_HAS(outcome->errors, "(worker-failed); ");
}

TEST_LOOP(containers_faults, a_driver_killed_while_it_stages_fails_the_fix_and_leaves_the_container,
	  0, KIND_COUNT)
{
	const char *container = make(_i), *temporary = watch_leftovers();
	struct image_state untouched = state_take(container), before = untouched;
	int failed = 0;

	for (int i = 0; i < MOMENTS; i++) {
		struct outcome outcome = fix_and_kill(container, STAGING, (useconds_t)(i * STEP));

		assert_nothing_left(temporary);
		if (outcome.status != 0) {
			failed++;
			assert_driver_blamed(&outcome);
			state_assert_untouched(container, &untouched);
		} else { /* qemu-nbd had ended before */
			report_run("undo", container, 0, "undone", NULL);
			state_assert_restored(container, &before);
			untouched = state_take(container);
		}
	}
	ck_assert_int_gt(failed, 0);
}

TEST_LOOP(killed, a_driver_killed_while_it_verifies_leaves_the_container_as_it_was, 0, KIND_COUNT)
{
	const char *container = make(_i), *temporary = watch_leftovers();
	struct image_state before = state_take(container);
	struct outcome outcome = fix_and_kill(container, VERIFYING, 0);

	/* On a busy machine, qemu-nbd may start and end before this process sees it. */
	for (int i = 0; i < MOMENTS && outcome.status == 0; i++) {
		report_run("undo", container, 0, "undone", NULL);
		outcome = fix_and_kill(container, VERIFYING, 0);
	}
	assert_nothing_left(temporary);
	assert_driver_blamed(&outcome);
	state_assert_restored(container, &before);
}

/* ---- missing programs and devices ----------------------------------------------------------- */

/* The raw image needs no driver, so it is fixed. */
static void assert_refused(const char *container, const char *raw, const char *missing)
{
	struct image_state before = state_take(container);
	struct outcome outcome = BOOTSHIFT("fix", container);

	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, missing);
	ASSERT_HAS(outcome.errors, "(driver-unusable); run bootshift as root on a machine with ");
	report_run("inspect", container, 3, "refused", "driver-unusable");
	state_assert_untouched(container, &before);
	report_run("fix", raw, 0, "fixed", NULL);
}

TEST(containers_faults, without_qemu_nbd_a_container_is_refused_and_a_raw_image_is_not)
{
	const char *container = make(QCOW2), *raw = small_image();

	ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
	assert_refused(container, raw, ", which this format needs, is not installed");
}

/* Makes the device impossible to open for this process and its children. */
static bool forbid_fuse_device(void)
{
	static const char device[] = "/dev/fuse";

	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(device, device, NULL, MS_BIND, NULL) == 0 &&
	       mount(NULL, device, NULL, MS_BIND | MS_REMOUNT | MS_NODEV, NULL) == 0;
}

TEST(containers_faults, without_fuse_a_container_is_refused_and_a_raw_image_is_not)
{
	const char *container = make(QCOW2), *raw = small_image();

	if (!test_needs(forbid_fuse_device(), "root and a mount namespace"))
		return; /* only root can do this */
	assert_refused(container, raw, "/dev/fuse");
}
