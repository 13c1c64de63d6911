/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lock of the image, against a second bootshift and against QEMU's tools. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transaction/lock.h"

#include "support/test.h"

struct fixture {
	char folder[64], image[96], file[128];
};

static void fixture_open(struct fixture *fixture)
{
	int descriptor;

	strcpy(fixture->folder, "/tmp/test-lock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
	snprintf(fixture->image, sizeof(fixture->image), "%s/disk.img", fixture->folder);
	snprintf(fixture->file, sizeof(fixture->file), "%s.bootshift-lock", fixture->image);
	descriptor = open(fixture->image, O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, 1 << 20), 0);
	close(descriptor);
}

static void fixture_close(const struct fixture *fixture)
{
	unlink(fixture->file);
	unlink(fixture->image);
	ck_assert_int_eq(rmdir(fixture->folder), 0);
}

static struct image_lock *lock_path(const char *image, const char *undo_directory,
				    enum lock_purpose purpose, struct bs_error *err)
{
	struct target *target = target_open(image, err);
	struct image_lock *lock = NULL;
	struct place place = {0};

	if (target && place_find(target, undo_directory, &place, err) == 0)
		lock = lock_image(&place, purpose, err);
	place_free(&place);
	target_close(target);
	return lock;
}

/* A process that holds a lock until the test ends it. */
struct holder {
	pid_t process;
	int release; /* closing it ends the process */
};

static struct holder hold(const struct fixture *fixture, enum lock_purpose purpose)
{
	int ready[2], release[2];
	struct holder holder;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(release, O_CLOEXEC), 0);
	holder.process = fork();
	ck_assert_int_ge(holder.process, 0);
	if (holder.process == 0) {
		struct bs_error err;
		struct image_lock *lock = lock_path(fixture->image, NULL, purpose, &err);

		close(release[1]);
		(void)!write(ready[1], lock ? "y" : "n", 1);
		(void)!read(release[0], &byte, 1);
		lock_release(lock);
		_exit(lock ? 0 : 1);
	}
	close(ready[1]);
	close(release[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	close(ready[0]);
	holder.release = release[1];
	return holder;
}

/* A qemu-io that has the image open.  It answers a read as soon as it has the image. */
static struct holder hold_by_qemu(const struct fixture *fixture, bool read_only)
{
	int input[2], output[2];
	struct holder holder;
	char answer[256] = "";
	size_t length = 0;
	ssize_t count;

	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
	holder.process = fork();
	ck_assert_int_ge(holder.process, 0);
	if (holder.process == 0) {
		dup2(input[0], 0);
		dup2(output[1], 1);
		execlp("qemu-io", "qemu-io", "-f", "raw", read_only ? "-r" : "-n", fixture->image,
		       (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	ck_assert_int_eq(write(input[1], "read 0 512\n", 11), 11);
	while (!strstr(answer, "read 512/512")) {
		count = read(output[0], answer + length, sizeof(answer) - 1 - length);
		ck_assert_int_gt(count, 0);
		length += (size_t)count;
		answer[length] = '\0';
	}
	close(output[0]);
	holder.release = input[1];
	return holder;
}

static void let_go(const struct holder *holder)
{
	int status;

	close(holder->release);
	ck_assert_int_eq(waitpid(holder->process, &status, 0), holder->process);
}

static bool can_lock(const struct fixture *fixture, enum lock_purpose purpose, struct bs_error *err)
{
	struct image_lock *lock = lock_path(fixture->image, NULL, purpose, err);

	lock_release(lock);
	return lock != NULL;
}

TEST_CASE(bootshift, "bootshift");

TEST(bootshift, an_image_that_cannot_be_opened_any_more_is_not_locked)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	struct place place = {0};
	struct target *target;

	fixture_open(&fixture);
	target = target_open(fixture.image, &err);
	ck_assert_int_eq(place_find(target, NULL, &place, &err), 0);
	ck_assert_int_eq(unlink(fixture.image), 0);
	ck_assert_int_eq(mknod(fixture.image, S_IFSOCK | 0600, 0), 0); /* cannot be opened */
	ck_assert_ptr_null(lock_image(&place, LOCK_FOR_CHANGING, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "cannot open the image"));
	place_free(&place);
	target_close(target);
	fixture_close(&fixture);
}

TEST(bootshift, two_readers_share_an_image)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	fixture_open(&fixture);
	holder = hold(&fixture, LOCK_FOR_READING);
	ck_assert(can_lock(&fixture, LOCK_FOR_READING, &err));
	let_go(&holder);
	fixture_close(&fixture);
}

TEST(bootshift, a_changing_bootshift_keeps_out_readers_and_changers)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	fixture_open(&fixture);
	holder = hold(&fixture, LOCK_FOR_CHANGING);
	ck_assert(!can_lock(&fixture, LOCK_FOR_READING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_ptr_nonnull(strstr(err.message, "another bootshift (process "));
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_ptr_nonnull(strstr(err.message, "another bootshift (process "));
	let_go(&holder);
	ck_assert(can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	fixture_close(&fixture);
}

TEST(bootshift, byte_locks_alone_keep_out_one_with_another_undo_directory)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	fixture_open(&fixture);
	holder = hold(&fixture, LOCK_FOR_CHANGING);
	ck_assert_ptr_null(lock_path(fixture.image, "/tmp", LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	let_go(&holder);
	fixture_close(&fixture);
}

TEST(bootshift, a_reader_keeps_out_a_changer)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	fixture_open(&fixture);
	holder = hold(&fixture, LOCK_FOR_READING);
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	let_go(&holder);
	fixture_close(&fixture);
}

TEST(bootshift, the_lock_file_lives_as_long_as_the_lock)
{
	struct fixture fixture;
	struct image_lock *lock;
	struct bs_error err;

	fixture_open(&fixture);
	lock = lock_path(fixture.image, NULL, LOCK_FOR_CHANGING, &err);
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_eq(access(fixture.file, F_OK), 0);
	lock_release(lock);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	fixture_close(&fixture);
}

TEST(bootshift, nobody_else_can_hold_the_lock_file)
{
	struct fixture fixture;
	struct image_lock *lock;
	struct bs_error err;
	struct stat status;
	mode_t mask = umask(0);

	fixture_open(&fixture);
	lock = lock_path(fixture.image, NULL, LOCK_FOR_CHANGING, &err);
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_eq(stat(fixture.file, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0600);
	lock_release(lock);
	umask(mask);
	fixture_close(&fixture);
}

/*
 * A child locks the lock file for a moment, as a reader does: until another process has tried to
 * lock the file and has closed it again.
 */
static pid_t read_for_a_moment(const struct fixture *fixture)
{
	char event[sizeof(struct inotify_event) + 256];
	int descriptor = open(fixture->file, O_RDONLY | O_CREAT, 0600);
	int watch = inotify_init1(IN_CLOEXEC);
	pid_t child;

	ck_assert_int_eq(flock(descriptor, LOCK_SH), 0);
	ck_assert_int_ge(inotify_add_watch(watch, fixture->file, IN_CLOSE), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(read(watch, event, sizeof(event)) > 0 && flock(descriptor, LOCK_UN) == 0 ? 0
											       : 1);
	close(watch); /* not the lock file: closing it would be an event */
	return child;
}

TEST(bootshift, a_reader_that_looks_at_the_lock_file_keeps_nobody_out)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	pid_t reader;
	int status;

	fixture_open(&fixture);
	reader = read_for_a_moment(&fixture);
	ck_assert_msg(can_lock(&fixture, LOCK_FOR_CHANGING, &err), "%s", err.message);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	ck_assert_int_eq(waitpid(reader, &status, 0), reader);
	ck_assert_int_eq(status, 0);
	fixture_close(&fixture);
}

/* Makes flock() fail, as on a file system whose server has no locks. */
static bool let_flock_fail(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool loaded = filter &&
		      seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOLCK), SCMP_SYS(flock), 0) == 0 &&
		      seccomp_load(filter) == 0;

	seccomp_release(filter);
	return loaded;
}

TEST(bootshift, a_lock_that_cannot_be_taken_leaves_no_lock_file)
{
	struct fixture fixture;
	struct bs_error err;

	fixture_open(&fixture);
	ck_assert(let_flock_fail()); /* until the process of this test ends */
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	fixture_close(&fixture);
}

TEST(bootshift, an_image_that_cannot_be_opened_any_more_leaves_no_lock_file)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	struct place place = {0};
	struct target *target;

	fixture_open(&fixture);
	target = target_open(fixture.image, &err);
	ck_assert_msg(target && place_find(target, NULL, &place, &err) == 0, "%s", err.message);
	ck_assert_int_eq(unlink(fixture.image), 0);
	ck_assert_ptr_null(lock_image(&place, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	place_free(&place);
	target_close(target);
	fixture_close(&fixture);
}

/* Another user has put a lock file there since the place was found. */
TEST(bootshift, a_lock_file_of_somebody_else_is_told_and_left_alone)
{
	struct fixture fixture;
	struct bs_error err = {BS_OK, ""};
	struct place place = {0};
	struct target *target;

	if (!test_needs_root())
		return; /* return: only root can make a file of another user */
	fixture_open(&fixture);
	target = target_open(fixture.image, &err);
	ck_assert_msg(target && place_find(target, NULL, &place, &err) == 0, "%s", err.message);
	ck_assert_int_ge(close(open(fixture.file, O_CREAT | O_EXCL, 0644)), 0);
	ck_assert_int_eq(chown(fixture.file, 65534, 65534), 0);
	ck_assert_ptr_null(lock_image(&place, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_NOT_TRUSTED);
	ck_assert_ptr_null(lock_image(&place, LOCK_FOR_READING, &err));
	ck_assert_int_eq(err.code, BS_NOT_TRUSTED);
	ck_assert_int_eq(access(fixture.file, F_OK), 0);
	place_free(&place);
	target_close(target);
	fixture_close(&fixture);
}

TEST(bootshift, a_process_that_was_killed_leaves_no_lock)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	fixture_open(&fixture);
	holder = hold(&fixture, LOCK_FOR_CHANGING);
	ck_assert_int_eq(kill(holder.process, SIGKILL), 0);
	let_go(&holder);
	ck_assert_int_eq(access(fixture.file, F_OK), 0);
	ck_assert(can_lock(&fixture, LOCK_FOR_READING, &err));
	ck_assert(can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	fixture_close(&fixture);
}

/*
 * Takes the lock a hundred times, and marks a byte of the image while it holds the lock.  False if
 * the mark of another process is there, or if the lock is refused with an error other than
 * BS_IN_USE. If the lock never becomes free, the timeout of the test ends the loop.
 */
static bool lock_again_and_again(const struct fixture *fixture)
{
	int descriptor = open(fixture->image, O_RDWR);
	struct bs_error err;
	char shown = 0;

	for (int held = 0; held < 100;) {
		struct image_lock *lock = lock_path(fixture->image, NULL, LOCK_FOR_CHANGING, &err);

		if (!lock && err.code != BS_IN_USE)
			return false;
		if (!lock)
			continue;
		if (pread(descriptor, &shown, 1, 0) != 1 || shown != 0 ||
		    pwrite(descriptor, "x", 1, 0) != 1)
			return false;
		sched_yield();
		if (pwrite(descriptor, "", 1, 0) != 1)
			return false;
		lock_release(lock);
		held++;
	}
	close(descriptor);
	return true;
}

TEST(bootshift, never_two_hold_the_lock_at_the_same_time)
{
	struct fixture fixture;
	pid_t child;
	int status;

	fixture_open(&fixture);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(lock_again_and_again(&fixture) ? 0 : 1);
	ck_assert(lock_again_and_again(&fixture));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	fixture_close(&fixture);
}

TEST_CASE(qemu, "qemu");

TEST(qemu, a_writing_qemu_keeps_out_readers_and_changers)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	if (!test_needs_program("qemu-io"))
		return;
	fixture_open(&fixture);
	holder = hold_by_qemu(&fixture, false);
	ck_assert(!can_lock(&fixture, LOCK_FOR_READING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_ptr_nonnull(strstr(err.message, "qemu-io (process "));
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	ck_assert_int_ne(access(fixture.file, F_OK), 0);
	let_go(&holder);
	ck_assert(can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	fixture_close(&fixture);
}

TEST(qemu, a_reading_qemu_keeps_out_changers_only)
{
	struct fixture fixture;
	struct holder holder;
	struct bs_error err;

	if (!test_needs_program("qemu-io"))
		return;
	fixture_open(&fixture);
	holder = hold_by_qemu(&fixture, true);
	ck_assert_msg(can_lock(&fixture, LOCK_FOR_READING, &err), "%s", err.message);
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_eq(err.code, BS_IN_USE);
	let_go(&holder);
	fixture_close(&fixture);
}

static int qemu_opens(const struct fixture *fixture, const char *option)
{
	char command[256];

	snprintf(command, sizeof(command), "qemu-io -f raw %s -c 'read 0 512' '%s' >/dev/null 2>&1",
		 option, fixture->image);
	return system(command);
}

TEST(qemu, qemu_does_not_open_what_bootshift_is_changing)
{
	struct fixture fixture;
	struct image_lock *lock;
	struct bs_error err;

	if (!test_needs_program("qemu-io"))
		return;
	fixture_open(&fixture);
	lock = lock_path(fixture.image, NULL, LOCK_FOR_CHANGING, &err);
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_ne(qemu_opens(&fixture, ""), 0);
	ck_assert_int_ne(qemu_opens(&fixture, "-r"), 0);
	lock_release(lock);
	ck_assert_int_eq(qemu_opens(&fixture, ""), 0);
	fixture_close(&fixture);
}

TEST(qemu, qemu_may_read_but_not_write_what_bootshift_is_reading)
{
	struct fixture fixture;
	struct image_lock *lock;
	struct bs_error err;

	if (!test_needs_program("qemu-io"))
		return;
	fixture_open(&fixture);
	lock = lock_path(fixture.image, NULL, LOCK_FOR_READING, &err);
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_ne(qemu_opens(&fixture, ""), 0);
	ck_assert_int_eq(qemu_opens(&fixture, "-r"), 0);
	lock_release(lock);
	fixture_close(&fixture);
}

TEST(bootshift, an_image_that_does_not_exist_is_not_found)
{
	struct bs_error err;

	ck_assert_ptr_null(lock_path("/nonexistent/disk.img", NULL, LOCK_FOR_READING, &err));
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}

TEST(bootshift, a_link_in_place_of_the_lock_file_is_not_followed)
{
	struct fixture fixture;
	struct bs_error err;

	fixture_open(&fixture);
	ck_assert_int_eq(symlink("/tmp/test-lock-target", fixture.file), 0);
	ck_assert(!can_lock(&fixture, LOCK_FOR_CHANGING, &err));
	ck_assert_int_ne(access("/tmp/test-lock-target", F_OK), 0);
	fixture_close(&fixture);
}
