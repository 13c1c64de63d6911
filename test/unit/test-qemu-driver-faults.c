/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures that fail: each ends soon, in an error with a reason, and leaves nothing behind.
 *
 * qemu-nbd is killed or stopped at its n-th read of the container.  The reads go through a disk
 * between the overlay and the file, which counts them.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "support/state.h"
#include "unit/qemu-fixture.h"
#include "util/bytes.h"

/* ---- processes and descriptors ------------------------------------------------------------ */

static void assert_nothing_left(int descriptors_before)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(open_descriptors(), descriptors_before);
	free(image_run(1, "grep fuse.bootshift /proc/self/mountinfo"));
}

/* ---- a container that does something to the driver ---------------------------------------- */

struct trap {
	struct disk disk;
	struct disk *below;
	int countdown; /* reads until the trap springs; negative: never */
	int signal;    /* signal to qemu-nbd; 0: from then on, reads fail instead */
	bool sprung;
};

static int trap_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	struct trap *trap = (struct trap *)disk;

	if (trap->countdown-- == 0) {
		trap->sprung = true;
		if (trap->signal != 0)
			kill(only_child(), trap->signal);
	}
	if (trap->sprung && trap->signal == 0)
		return fail(err, BS_IO, "the storage is on fire");
	return disk_read(trap->below, offset, buffer, length, err);
}

static const struct disk_operations trap_operations = {.read = trap_read};

static void stage_trap(struct qemu_fixture *fixture, struct trap *trap, const char *path,
		       int countdown, int number)
{
	struct bs_error err;

	stage(fixture, path);
	*trap = (struct trap){
		.disk = {&trap_operations, disk_size(fixture->file)},
		.below = fixture->file,
		.countdown = countdown,
		.signal = number,
	};
	disk_close(overlay_disk(fixture->overlay));
	fixture->overlay = overlay_open(&trap->disk, 1 << 20, images_folder(), &err);
	ck_assert_ptr_nonnull(fixture->overlay);
}

/* Opens, writes, reads and finishes.  Returns the first error. */
static int run_through(struct qemu_fixture *fixture, int patience, struct bs_error *err)
{
	static uint8_t bytes[200000];

	fixture->driver = qemu_driver_open_with(IMAGE_OF(fixture->overlay, "qcow2"), "qemu-nbd",
						patience, true, err);
	if (!fixture->driver)
		return -1;
	for (uint64_t i = 0; i < 4; i++)
		if (disk_write(qemu_driver_disk(fixture->driver), i * (3u << 20) + 1000, bytes,
			       sizeof(bytes), err) < 0 ||
		    disk_read(qemu_driver_disk(fixture->driver), i * (3u << 20) + (1u << 19), bytes,
			      sizeof(bytes), err) < 0)
			return -1;
	return qemu_driver_finish(fixture->driver, err);
}

/*
 * Springs the trap at the first read, then at the second, and so on, until there is no such read.
 */
static void spring_everywhere(int number, int patience, enum bs_code code, const char *part)
{
	const char *path = make_container("qcow2", "-o cluster_size=4k");
	struct image_state before = state_take(path);
	int descriptors = open_descriptors(), moment = 0;
	bool sprung = true;

	for (; sprung; moment++) {
		struct qemu_fixture fixture;
		struct bs_error err = {0};
		struct trap trap;
		int result;

		stage_trap(&fixture, &trap, path, moment, number);
		result = run_through(&fixture, patience, &err);
		sprung = trap.sprung;
		ck_assert_msg((result < 0) == sprung, "moment %d: %s", moment, err.message);
		ck_assert_msg(!sprung || err.code == code, "moment %d: %s", moment, err.message);
		if (sprung)
			ASSERT_HAS(err.message, part);
		ASSERT_HAS_NOT(err.message, "lock");
		leave(&fixture);
		assert_nothing_left(descriptors);
	}
	ck_assert_int_gt(moment, 8);
	state_assert_untouched(path, &before);
}

TEST_CASE(qemu_driver_faults, "qemu-driver-faults");

TEST(qemu_driver_faults, a_driver_killed_at_any_moment_is_an_error)
{
	spring_everywhere(SIGKILL, 20000, BS_WORKER, "signal 9");
}

TEST_CASE(hangs, "hangs", .tags = "slow");

TEST(hangs, a_driver_that_hangs_at_any_moment_is_given_up)
{
	spring_everywhere(SIGSTOP, 1500, BS_WORKER, "does not answer");
}

TEST(qemu_driver_faults, an_error_of_the_container_is_told_as_what_it_is)
{
	spring_everywhere(0, 20000, BS_IO, "the storage is on fire");
}

/* After the disconnect, the driver reads nothing more.  So this moment has a test of its own. */
TEST(hangs, a_driver_that_hangs_while_nothing_is_asked_is_given_up_at_the_finish)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	int descriptors = open_descriptors();

	stage(&fixture, make_container("vdi", ""));
	fixture.driver = qemu_driver_open_with(IMAGE_OF(fixture.overlay, "vdi"), "qemu-nbd", 2000,
					       true, &err);
	ck_assert_ptr_nonnull(fixture.driver);
	kill(only_child(), SIGSTOP);
	ck_assert_int_eq(qemu_driver_finish(fixture.driver, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	leave(&fixture);
	assert_nothing_left(descriptors);
}

TEST(qemu_driver_faults, what_does_not_fit_is_no_space)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	size_t length = 4u << 20;
	uint8_t *bytes = malloc(length);

	stage(&fixture, make_container("qcow2", ""));
	disk_close(overlay_disk(fixture.overlay));
	fixture.overlay = overlay_open(fixture.file, 1 << 20, "/nonexistent", &err);
	open_driver(&fixture, "qcow2", NULL);
	memset(bytes, 1, length);
	ck_assert_int_eq(disk_write(qemu_driver_disk(fixture.driver), 0, bytes, length, &err), -1);
	free(bytes);
	ck_assert_int_eq(err.code, BS_IO);
	ASSERT_HAS(err.message, "/nonexistent");
	ck_assert_int_eq(qemu_driver_finish(fixture.driver, &err), -1);
	ASSERT_HAS(err.message, "/nonexistent");
	leave(&fixture);
}

TEST(qemu_driver_faults, a_container_that_the_driver_refuses_is_refused_with_its_reason)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	int descriptors = open_descriptors();

	stage(&fixture, make_container("qcow2", ""));
	fixture.driver = qemu_driver_open(IMAGE_OF(fixture.overlay, "vdi"), true, &err);
	ck_assert_ptr_null(fixture.driver);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ASSERT_HAS(err.message, "driver vdi");
	ASSERT_HAS(err.message, "VDI image");
	ASSERT_HAS_NOT(err.message, "/tmp");
	leave(&fixture);
	assert_nothing_left(descriptors);
}

static void assert_program_fails(const char *program, enum bs_code code, const char *part)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	int descriptors = open_descriptors();

	stage(&fixture, make_container("qcow2", ""));
	fixture.driver = qemu_driver_open_with(IMAGE_OF(fixture.overlay, "qcow2"), program, 1000,
					       true, &err);
	ck_assert_ptr_null(fixture.driver);
	ck_assert_int_eq(err.code, code);
	ASSERT_HAS(err.message, part);
	leave(&fixture);
	assert_nothing_left(descriptors);
}

/* The driver does not check the refcount table before it needs a cluster. */
TEST(qemu_driver_faults, a_driver_that_gives_up_finds_the_container_damaged)
{
	const char *path = make_container("qcow2", "");
	static const uint8_t sector[512] = {1};
	static uint8_t found[512];
	struct qemu_fixture fixture;
	struct bs_error err;
	int result = 0;

	file_flip(path, 53); /* in the offset of the refcount table */
	stage(&fixture, path);
	open_driver(&fixture, "qcow2", NULL);
	for (uint64_t at = 0; at < GUEST_SIZE && result == 0; at += 1u << 20)
		result = disk_write(qemu_driver_disk(fixture.driver), at, sector, 512, &err);
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	/* The driver has closed the image, and cannot do anything more. */
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 0, found, 512, &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ASSERT_HAS(err.message, "Marking image as corrupt");
	leave(&fixture);
}

/*
 * After SIGTERM, qemu-nbd ends with success and prints nothing.  This says nothing about the image.
 */
TEST(qemu_driver_faults, a_driver_that_ends_without_a_word_does_not_blame_the_container)
{
	struct qemu_fixture fixture;
	struct bs_error err;
	uint8_t sector[512];
	siginfo_t ended;

	stage(&fixture, make_container("qcow2", ""));
	open_driver(&fixture, "qcow2", NULL);
	kill(only_child(), SIGTERM);
	ck_assert_int_eq(waitid(P_PID, (id_t)only_child(), &ended, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 0, sector, 512, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	ASSERT_HAS(err.message, "ended with status 0");
	leave(&fixture);
}

/* That the driver was killed says nothing about the container. */
TEST(qemu_driver_faults, a_driver_that_was_killed_does_not_blame_the_container_for_what_it_said)
{
	const char *path = make_container("qcow2", "");
	static const uint8_t sector[512] = {1};
	struct qemu_fixture fixture;
	struct bs_error err;
	uint8_t found[512];
	siginfo_t ended;

	file_flip(path, 53); /* in the offset of the refcount table */
	stage(&fixture, path);
	open_driver(&fixture, "qcow2", NULL);
	for (uint64_t at = 0; at < GUEST_SIZE; at += 1u << 20)
		(void)!disk_write(qemu_driver_disk(fixture.driver), at, sector, 512, &err);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	kill(only_child(), SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)only_child(), &ended, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(disk_read(qemu_driver_disk(fixture.driver), 0, found, 512, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	ASSERT_HAS(err.message, "ended by signal 9");
	leave(&fixture);
}

/* ---- checking ------------------------------------------------------------------------------- */

static int check_container(const char *path, const char *driver, struct bs_error *err)
{
	struct image_state before = state_take(path);
	struct qemu_fixture fixture;
	int result, descriptors = open_descriptors();

	stage(&fixture, path);
	result = qemu_check(IMAGE_OF(fixture.overlay, driver), err);
	ck_assert_uint_eq(overlay_take_written_sectors(fixture.overlay), 0);
	leave(&fixture);
	assert_nothing_left(descriptors);
	state_assert_untouched(path, &before);
	return result;
}

TEST(qemu_driver_faults, a_sound_container_passes_the_check)
{
	static const char *const options[] = {"", "-c", "-o cluster_size=512", "-o compat=0.10",
					      "-o extended_l2=on,cluster_size=128k"};
	struct bs_error err = {0};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		ck_assert_msg(check_container(make_container("qcow2", options[i]), "qcow2", &err) ==
				      0,
			      "%s: %s", options[i], err.message);
	ck_assert_msg(check_container(make_container("vdi", ""), "vdi", &err) == 0, "%s",
		      err.message);
}

/* Makes a container in which the second cluster, which has the refcount table, has this count. */
static const char *make_with_count(uint8_t count)
{
	const char *path = make_container("qcow2", "");
	uint8_t table[8], block[8];

	file_read(path, 48, table, sizeof(table));
	file_read(path, load_be64(table), block, sizeof(block));
	file_write(path, load_be64(block) + 2 + 1, &count, 1);
	return path;
}

TEST(qemu_driver_faults, what_the_check_finds_is_counted_and_lost_room_is_no_error)
{
	struct bs_error err = {0};

	ck_assert_int_eq(check_container(make_with_count(0), "qcow2", &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ASSERT_HAS(err.message, "finds 1 error in its tables");
	ck_assert_msg(check_container(make_with_count(2), "qcow2", &err) == 0, "%s", err.message);
}

TEST(qemu_driver_faults, a_check_that_cannot_be_done_is_no_pass)
{
	struct qemu_fixture fixture;
	struct bs_error err = {0};
	struct trap trap;

	ck_assert_int_eq(check_container(make_container("qcow2", ""), "vdi", &err), -1);
	ck_assert_int_eq(err.code, BS_CONTAINER_CORRUPT);
	ASSERT_HAS(err.message, "VDI image");
	stage_trap(&fixture, &trap, make_container("qcow2", ""), 2, 0);
	ck_assert_int_eq(qemu_check(IMAGE_OF(fixture.overlay, "qcow2"), &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ASSERT_HAS(err.message, "on fire");
	leave(&fixture);
	stage_trap(&fixture, &trap, make_container("qcow2", ""), 2, SIGKILL);
	ck_assert_int_eq(qemu_check(IMAGE_OF(fixture.overlay, "qcow2"), &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	ASSERT_HAS(err.message, "qemu-img was ended by signal 9");
	leave(&fixture);
}

TEST(qemu_driver_faults, without_qemu_nbd_it_says_what_is_missing)
{
	assert_program_fails("bootshift-has-no-such-program", BS_DRIVER_UNUSABLE, "not installed");
	assert_program_fails("/bin/true", BS_WORKER, "ended with status 0");
	assert_program_fails("/usr", BS_WORKER, "cannot start");
}

static bool write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	bool good = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

	if (file >= 0)
		close(file);
	return good;
}

/* From now on, this process and its children can make no namespace for mounts. */
static bool forbid_namespaces(void)
{
	const char *map = text("0 %u 1", (unsigned)getuid());

	return unshare(CLONE_NEWUSER) == 0 && write_text("/proc/self/uid_map", map) &&
	       write_text("/proc/sys/user/max_mnt_namespaces", "0");
}

/* Otherwise root would mount over a folder of the host. */
TEST(qemu_driver_faults, without_namespaces_no_driver_is_started)
{
	struct qemu_fixture fixture;
	struct bs_error err;

	stage(&fixture, make_container("qcow2", ""));
	if (!test_needs_kernel(forbid_namespaces(), "user namespaces with limits"))
		return;
	fixture.driver = qemu_driver_open(IMAGE_OF(fixture.overlay, "qcow2"), true, &err);
	ck_assert_ptr_null(fixture.driver);
	ck_assert_int_eq(err.code, BS_DRIVER_UNUSABLE);
	ASSERT_HAS(err.message, "may not make namespaces");
	leave(&fixture);
}

/* The process of the driver can reach nothing of value. */
TEST(qemu_driver_faults, the_driver_is_confined)
{
	struct qemu_fixture fixture;
	const char *status;
	char *mounts;

	stage(&fixture, make_container("qcow2", ""));
	open_driver(&fixture, "qcow2", NULL);
	status = text("/proc/%d/status", only_child());
	free(image_run(0, "grep -x 'CapEff:.0*' %s", status));
	free(image_run(0, "grep -x 'CapPrm:.0*' %s", status));
	free(image_run(0, "grep -x 'NoNewPrivs:.1' %s", status));
	free(image_run(0, "grep -x 'Seccomp:.2' %s", status));
	free(image_run(0, "grep -c . /proc/%d/net/dev | grep -x 3", only_child())); /* only lo */
	/* Only the folder with the image is writable. */
	mounts =
		image_run(0, "awk '{print $5, $6}' /proc/%d/mountinfo | grep ' rw' | cut -d' ' -f1",
			  only_child());
	ck_assert_str_eq(mounts, "/tmp\n");
	free(mounts);
	finish(&fixture);
	leave(&fixture);
}

TEST(qemu_driver_faults, no_other_file_can_be_opened_where_the_kernel_has_landlock)
{
	struct qemu_fixture fixture;
	struct bs_error err;

	if (!test_needs(syscall(SYS_landlock_create_ruleset, NULL, 0,
				LANDLOCK_CREATE_RULESET_VERSION) >= 1,
			"Landlock"))
		return;
	stage(&fixture, make_container("qcow2", ""));
	fixture.driver =
		qemu_driver_open(IMAGE_OF(fixture.overlay, "qcow2",
					  .options = "backing.driver=raw,backing.file.driver=file,"
						     "backing.file.filename=/etc/passwd"),
				 true, &err);
	ck_assert_ptr_null(fixture.driver);
	ASSERT_HAS(err.message, "Permission denied");
	leave(&fixture);
}

/* ---- the parent is killed ----------------------------------------------------------------- */

/* Captures until it is killed. */
static _Noreturn void run_driver_for_ever(const char *path)
{
	for (;;) {
		struct qemu_fixture fixture;
		struct bs_error err;

		stage(&fixture, path);
		if (run_through(&fixture, 20000, &err) < 0)
			_exit(1);
		leave(&fixture);
	}
}

/* This process adopts orphans.  If it has no child, no child of the killed process is left. */
static void assert_no_orphans(void)
{
	struct timespec pause = {.tv_nsec = 1000000};
	pid_t process;

	for (int i = 0; i < 10000; i++) {
		process = waitpid(-1, NULL, WNOHANG);
		if (process < 0)
			return;
		if (process == 0)
			nanosleep(&pause, NULL);
	}
	ck_abort_msg("a process was left behind");
}

TEST(qemu_driver_faults, when_the_parent_is_killed_nothing_is_left_behind)
{
	const char *path = make_container("qcow2", "-o cluster_size=4k");
	const char *names = state_folder(path);
	struct image_state before = state_take(path);
	unsigned seed = 11;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	for (int i = 0; i < 40; i++) {
		struct timespec pause = {.tv_nsec = (long)(rand_r(&seed) % 60) * 1000000};
		pid_t child = fork();
		int status;

		if (child == 0)
			run_driver_for_ever(path);
		nanosleep(&pause, NULL);
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status)); /* not ended by an error */
		assert_no_orphans();
		free(image_run(1, "grep fuse.bootshift /proc/self/mountinfo"));
	}
	ck_assert_str_eq(state_folder(path), names);
	state_assert_untouched(path, &before);
}
