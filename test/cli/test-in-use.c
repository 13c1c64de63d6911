/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootshift does not change an image that QEMU or another bootshift has open. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/containers.h"
#include "support/report.h"

#define PATIENCE 60000 /* milliseconds */

/* Waits until QEMU holds its lock on a byte of the image; see src/transaction/lock.c. */
static void wait_for_lock(const char *image)
{
	int descriptor = open(image, O_RDONLY);
	struct flock lock = {.l_type = F_UNLCK};

	ck_assert_int_ge(descriptor, 0);
	for (int i = 0; i < PATIENCE && lock.l_type == F_UNLCK; i++) {
		lock = (struct flock){
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200};
		ck_assert_int_eq(fcntl(descriptor, F_OFD_GETLK, &lock), 0);
		usleep(1000);
	}
	ck_assert_int_ne(lock.l_type, F_UNLCK);
	close(descriptor);
}

static void stop(struct program *program)
{
	kill(program->process, SIGKILL);
	program_wait(program);
}

static const struct container_kind kinds[] = {
	{"img", "raw", "", false, NULL},
	{"vhd", "vpc", "", false, NULL},
	{"vhdx", "vhdx", "", true, NULL},
	{"qcow2", "qcow2", "", true, NULL},
};

TEST_CASE(in_use, "in use");

TEST_EACH(in_use, an_image_that_qemu_writes_to_is_not_even_looked_at, kinds)
{
	const struct container_kind *kind = &kinds[_i];
	const char *image = container_make(kind, image_recipe("small", SAMPLE_SMALL));
	struct image_state before = state_take(image);
	struct program qemu = START("qemu-io", "-f", kind->driver, "-c", "sleep 60000", image);

	wait_for_lock(image);
	report_run("inspect", image, 3, "refused", "in-use");
	report_run("plan", image, 3, "refused", "in-use");
	report_run("fix", image, 3, "refused", "in-use");
	report_run("undo", image, 3, "refused", "in-use");
	ASSERT_HAS(BOOTSHIFT("fix", image).errors,
		   text("qemu-io (process %ld) has ", (long)qemu.process));
	stop(&qemu);
	state_assert_untouched(image, &before);
	report_run("fix", image, 0, "fixed", NULL);
}

TEST(in_use, an_image_that_qemu_reads_can_be_looked_at_and_not_changed)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	struct program qemu = START("qemu-io", "-r", "-f", "raw", "-c", "sleep 60000", image);

	wait_for_lock(image);
	report_run("inspect", image, 0, "would-fix", NULL);
	report_run("plan", image, 0, "would-fix", NULL);
	report_run("fix", image, 3, "refused", "in-use");
	stop(&qemu);
	state_assert_untouched(image, &before);
}

/*
 * A fix that is stopped (SIGSTOP) while it holds its locks.  An inspection shows that it holds
 * them.
 */
static struct program stopped_fix(const char *image)
{
	for (;;) { /* ends at the latest at the test's time limit */
		struct program fix = START_BOOTSHIFT("fix", image);

		for (int i = 0; i < 2000 && access(text("%s.bootshift-lock", image), F_OK) != 0;
		     i++)
			usleep(1000);
		kill(fix.process, SIGSTOP);
		if (BOOTSHIFT("inspect", image).status == 3)
			return fix;
		/* The fix was stopped too early or too late. */
		kill(fix.process, SIGCONT);
		program_wait(&fix);
		BOOTSHIFT("undo", image);
	}
}

TEST(in_use, a_second_bootshift_does_not_disturb_the_first)
{
	const char *image = small_image();
	struct program first = stopped_fix(image);
	struct outcome outcome;

	report_run("fix", image, 3, "refused", "in-use");
	report_run("undo", image, 3, "refused", "in-use");
	report_run("inspect", image, 3, "refused", "in-use");
	kill(first.process, SIGCONT);
	outcome = program_wait(&first);
	ASSERT_STATUS(outcome, 0);
	report_run("undo", image, 0, "undone", NULL);
	ck_assert_str_eq(state_folder(image), ".\n..\nsmall.img\n");
}

TEST(in_use, the_lock_file_counts_while_it_is_locked_and_not_when_left_behind)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	const char *path = text("%s.bootshift-lock", image);
	int descriptor = open(path, O_RDONLY | O_CREAT, 0644);

	ck_assert(descriptor >= 0 && flock(descriptor, LOCK_EX) == 0);
	report_run("fix", image, 3, "refused", "in-use");
	close(descriptor);
	report_run("fix", image, 0, "fixed", NULL);
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &before);
}
