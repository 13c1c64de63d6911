/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of the library on real files: images that are fixed, undone, refused, in use by
 * another program, or left in the middle of a fix by a killed process.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/containers.h"
#include "support/sample.h"
#include "support/state.h"
#include "windows/plan.h"

#define NOBODY 65534
#define KILLS  32

static struct bs_result result;
static const struct bs_options options = {.size = sizeof(options)};

static void teardown(void)
{
	bs_result_free(&result);
}

static void assert_result(enum bs_exit exit, enum bs_exit expected, enum bs_status status,
			  enum bs_code code)
{
	ck_assert_msg(exit == expected && result.status == status && result.error.code == code,
		      "exit %d, status %d, %s: %s", exit, result.status,
		      bs_code_name(result.error.code), result.error.message);
}

static void fix(const char *image)
{
	bs_result_free(&result);
	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE, BS_STATUS_FIXED, BS_OK);
}

static void undo(const char *image)
{
	bs_result_free(&result);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_DONE, BS_STATUS_UNDONE, BS_OK);
}

/* Checks that there is nothing beside the image. */
static void assert_alone(const char *image)
{
	char *names = image_run(0, "ls -A \"$(dirname '%s')\"", image);

	names[strcspn(names, "\n")] = '\0';
	ck_assert_str_eq(names, strrchr(image, '/') + 1);
	free(names);
}

/* ---- fixing and undoing -------------------------------------------------------------------- */

static const char *const fixable[] = {"windows-7",           "windows-10",        "compressed-root",
				      "mkntfs-boot-record",  "ntldr-boot-record", "older-try",
				      "wrong-hidden-sectors"};

static void fix_and_undo(const char *built)
{
	const char *image = image_copy(built);
	struct image_digest before = image_digest(image), after;

	fix(image);
	ck_assert_ptr_nonnull(result.undo_file);
	ck_assert_int_eq(access(result.undo_file, R_OK), 0);
	ck_assert_uint_gt(result.container_bytes, 0);
	ck_assert_uint_gt(result.container_extents, 0);
	after = image_digest(image);
	ck_assert_mem_ne(&before, &after, sizeof(before));

	bs_result_free(&result);
	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE, BS_STATUS_NOTHING_TO_DO,
		      BS_OK);
	image_assert_same(image, &after);

	undo(image);
	image_assert_same(image, &before);
	assert_alone(image);

	bs_result_free(&result);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_DONE, BS_STATUS_NOTHING_TO_DO,
		      BS_OK);
	ck_assert_ptr_null(result.undo_file);
	image_assert_same(image, &before);
	image_remove(image);
}

TEST_CASE(fix_and_undo_tests, "fix and undo", .teardown = teardown);

TEST(fix_and_undo_tests, undo_after_a_fix_gives_the_same_bytes)
{
	fix_and_undo(image_small(fixable[_i], false));
}

TEST_LOOP(fix_and_undo_tests, undo_after_a_fix_gives_the_same_bytes_of_a_vhd, 0, 2)
{
	fix_and_undo(image_small(fixable[_i], true));
}

TEST(fix_and_undo_tests, other_programs_find_a_fixed_disk_sound)
{
	const char *image = image_copy(image_built("windows-7", false));
	char *text;

	fix(image);
	text = image_run(0, "sfdisk -d '%s'", image);
	ck_assert_ptr_nonnull(strstr(text, "206848, size=    12374016, type=7, bootable"));
	ck_assert_ptr_nonnull(strstr(text, "204800, type=7\n"));
	free(text);
	text = image_run(0, "fls -rp -o 206848 '%s'", image);
	ck_assert_ptr_nonnull(strstr(text, "bootmgr\n"));
	ck_assert_ptr_nonnull(strstr(text, "Boot/Fonts/wgl4_boot.ttf\n"));
	ck_assert_ptr_nonnull(strstr(text, "Boot/BCD\n"));
	free(text);
	image_remove(image);
}

TEST(fix_and_undo_tests, a_fix_can_be_done_again_after_it_was_taken_back)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest before = image_digest(image);

	for (int i = 0; i < 3; i++) {
		fix(image);
		undo(image);
		image_assert_same(image, &before);
	}
	image_remove(image);
}

TEST(fix_and_undo_tests, the_undo_file_lies_where_it_was_asked_for)
{
	const char *image = image_copy(image_small("windows-7", false));
	const char *other = image_copy(image_built("no-partitions", false));
	struct image_digest before = image_digest(image);
	struct bs_options elsewhere = {.size = sizeof(elsewhere)};
	char folder[IMAGE_PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(other, '/') - other), other);
	elsewhere.undo_directory = folder;
	ck_assert_int_eq(bs_fix(image, &elsewhere, NULL, &result), BS_EXIT_DONE);
	ck_assert_int_eq(strncmp(result.undo_file, folder, strlen(folder)), 0);
	assert_alone(image);
	bs_result_free(&result);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_NO_UNDO_FILE);
	bs_result_free(&result);
	ck_assert_int_eq(bs_undo(image, &elsewhere, &result), BS_EXIT_DONE);
	image_assert_same(image, &before);
	image_remove(image);
	image_remove(other);
}

TEST(fix_and_undo_tests, an_image_that_was_written_to_since_is_not_taken_back)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest changed;
	int descriptor;

	fix(image);
	descriptor = open(image, O_WRONLY);
	/* In the boot record of the boot volume, as chkdsk may write. */
	ck_assert_int_eq(pwrite(descriptor, "x", 1, (101 << 20) + 8000), 1);
	close(descriptor);
	changed = image_digest(image);
	bs_result_free(&result);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_CHANGED_SINCE);
	image_assert_same(image, &changed);
	image_remove(image);
}

/* ---- looking only -------------------------------------------------------------------------- */

/*
 * Inspects an image in a child that has become a user without any right to write.  Returns whether
 * this succeeds.
 */
static bool looks_as_nobody(const char *image, bool plan)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		enum bs_exit exit;

		if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
			_exit(99);
		exit = plan ? bs_plan(image, &options, NULL, &result)
			    : bs_inspect(image, &options, &result);
		_exit(exit == BS_EXIT_DONE && result.status == BS_STATUS_WOULD_FIX &&
				      (result.plan != NULL) == plan
			      ? EXIT_SUCCESS
			      : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status == 0;
}

TEST_CASE(looking, "looking", .teardown = teardown);

TEST_LOOP(looking, looking_needs_no_right_to_write_and_changes_nothing, 0, 2)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest before = image_digest(image);
	struct stat first, second;

	ck_assert_int_eq(chmod(image, 0444), 0);
	free(image_run(0, "chmod 555 \"$(dirname '%s')\"; chmod 711 '%s'", image, images_folder()));
	ck_assert_int_eq(stat(image, &first), 0);
	if (geteuid() == 0)
		ck_assert(looks_as_nobody(image, _i == 1));
	else if (_i == 0)
		ck_assert_int_eq(bs_inspect(image, &options, &result), BS_EXIT_DONE);
	else
		ck_assert_int_eq(bs_plan(image, &options, NULL, &result), BS_EXIT_DONE);
	ck_assert_int_eq(stat(image, &second), 0);
	ck_assert_mem_eq(&first.st_mtim, &second.st_mtim, sizeof(first.st_mtim));
	ck_assert_mem_eq(&first.st_ctim, &second.st_ctim, sizeof(first.st_ctim));
	image_assert_same(image, &before);
	assert_alone(image);
	free(image_run(0, "chmod 755 \"$(dirname '%s')\"", image));
	image_remove(image);
}

TEST_LOOP(looking, an_inspection_tells_the_container_and_what_a_fix_would_do, 0, 2)
{
	const char *image = image_built("windows-7", _i == 1);

	assert_result(bs_inspect(image, &options, &result), BS_EXIT_DONE, BS_STATUS_WOULD_FIX,
		      BS_OK);
	ck_assert_str_eq(result.inspection->format, _i == 1 ? "vhd" : "raw");
	ck_assert_uint_eq(result.inspection->container_size, (6ull << 30) + (_i == 1 ? 512 : 0));
	ck_assert_uint_eq(result.inspection->disk_size, 6ull << 30);
	ck_assert_ptr_null(result.plan);
}

/* ---- earlier plans ------------------------------------------------------------------------- */

TEST(looking, an_expected_plan_that_is_the_same_is_carried_out)
{
	char difference[BS_DIFFERENCE_MAX];
	const char *image = image_copy(image_small("windows-7", false));
	struct bs_result planned;

	ck_assert_int_eq(bs_plan(image, &options, NULL, &planned), BS_EXIT_DONE);
	assert_result(bs_plan(image, &options, planned.plan, &result), BS_EXIT_DONE,
		      BS_STATUS_WOULD_FIX, BS_OK);
	bs_result_free(&result);
	assert_result(bs_fix(image, &options, planned.plan, &result), BS_EXIT_DONE, BS_STATUS_FIXED,
		      BS_OK);
	ck_assert(!plan_difference(result.plan, planned.plan, difference));
	bs_result_free(&planned);
	image_remove(image);
}

TEST(looking, an_expected_plan_that_is_not_the_same_is_stale_and_nothing_is_written)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest before = image_digest(image);
	struct bs_result planned;

	ck_assert_int_eq(bs_plan(image, &options, NULL, &planned), BS_EXIT_DONE);
	planned.plan->files[7].sha256[0] ^= 1;
	assert_result(bs_plan(image, &options, planned.plan, &result), BS_EXIT_REFUSED,
		      BS_STATUS_REFUSED, BS_PLAN_STALE);
	bs_result_free(&result);
	assert_result(bs_fix(image, &options, planned.plan, &result), BS_EXIT_REFUSED,
		      BS_STATUS_REFUSED, BS_PLAN_STALE);
	bs_result_free(&planned);
	image_assert_same(image, &before);
	assert_alone(image);
	image_remove(image);
}

TEST(looking, a_plan_of_another_image_is_stale)
{
	struct bs_result planned;

	ck_assert_int_eq(bs_plan(image_small("windows-10", false), &options, NULL, &planned),
			 BS_EXIT_DONE);
	assert_result(bs_plan(image_small("windows-7", false), &options, planned.plan, &result),
		      BS_EXIT_REFUSED, BS_STATUS_REFUSED, BS_PLAN_STALE);
	bs_result_free(&planned);
}

/* ---- what lies beside the image ------------------------------------------------------------ */

static void assert_undo_file_exists(enum bs_exit exit)
{
	assert_result(exit, BS_EXIT_REFUSED, BS_STATUS_REFUSED, BS_UNDO_FILE_EXISTS);
	bs_result_free(&result);
}

TEST_CASE(beside, "beside", .teardown = teardown);

TEST(beside, an_image_restored_beside_its_undo_file_is_refused_by_all_but_undo)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest before = image_digest(image);

	fix(image);
	free(image_run(0, "cp --sparse=always '%s' '%s'", image_small("windows-7", false), image));
	bs_result_free(&result);
	assert_undo_file_exists(bs_inspect(image, &options, &result));
	assert_undo_file_exists(bs_plan(image, &options, NULL, &result));
	assert_undo_file_exists(bs_fix(image, &options, NULL, &result));
	assert_result(bs_undo(image, &options, &result), BS_EXIT_DONE, BS_STATUS_NOTHING_TO_DO,
		      BS_OK);
	ck_assert_ptr_nonnull(result.undo_file);
	ck_assert_int_eq(unlink(result.undo_file), 0);
	image_assert_same(image, &before);
	fix(image);
	image_remove(image);
}

TEST_LOOP(beside, a_folder_in_which_no_file_can_be_made_is_refused_by_fix_and_dry_run, 0, 2)
{
	static const char *const folders[] = {"/proc", "/sys"};
	const struct bs_options bad = {
		.size = sizeof(bad), .undo_directory = folders[_i], .to_be_fixed = true};
	const char *image = image_copy(image_small("windows-7", false));

	assert_result(bs_plan(image, &bad, NULL, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_UNDO_FOLDER);
	bs_result_free(&result);
	assert_result(bs_fix(image, &bad, NULL, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_UNDO_FOLDER);
	assert_alone(image);
	image_remove(image);
}

/* ---- refusing ------------------------------------------------------------------------------ */

static const struct {
	const char *recipe;
	enum bs_code code;
	bool has_windows;
} refused[] = {
	{"bcd-cut", BS_BCD_DAMAGED, true},
	{"bcd-dirty", BS_BCD_DIRTY, true},
	{"bcd-missing", BS_BCD_MISSING, true},
	{"bcd-not-a-hive", BS_BCD_DAMAGED, true},
	{"bitlocker", BS_BITLOCKER, true},
	{"bootmgr-empty", BS_BOOTMGR_DAMAGED, true},
	{"bootmgr-missing", BS_BOOTMGR_MISSING, true},
	{"default-other-disk", BS_OTHER_DISK, true},
	{"gpt", BS_GPT, true},
	{"hibernated", BS_HIBERNATED, true},
	{"logical", BS_BOOT_VOLUME_LOGICAL, true},
	{"no-active", BS_NO_ACTIVE_PARTITION, true},
	{"no-boot-volume", BS_BOOT_VOLUME_MISSING, false},
	{"no-partition-table", BS_DISK_EMPTY, false},
	{"no-partitions", BS_NO_PARTITIONS, false},
	{"no-room", BS_VOLUME_FULL, true},
	{"two-active", BS_SEVERAL_ACTIVE, true},
	{"unclean", BS_UNCLEAN, true},
	{"winload-missing", BS_WINLOAD_MISSING, true},
};

TEST_CASE(refusing, "refusing", .teardown = teardown);

/* Uses the shared image itself, because a refusal does not change it. */
TEST(refusing, a_refused_image_is_told_why_and_stays_as_it_is)
{
	const char *image = refused[_i].has_windows ? image_small(refused[_i].recipe, false)
						    : image_built(refused[_i].recipe, false);
	struct image_digest before = image_digest(image);
	char undo_file[IMAGE_PATH_MAX];

	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      refused[_i].code);
	ck_assert_str_ne(result.error.message, "");
	ck_assert_ptr_nonnull(result.inspection);
	ck_assert_ptr_null(result.plan);
	image_assert_same(image, &before);
	snprintf(undo_file, sizeof(undo_file), "%s.bootshift-undo", image);
	ck_assert_int_ne(access(undo_file, F_OK), 0);
}

TEST_LOOP(refusing, nothing_to_do_writes_nothing, 0, 2)
{
	const char *image = image_small(_i == 0 ? "already-fixed" : "single-partition", false);
	struct image_digest before = image_digest(image);

	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_DONE, BS_STATUS_NOTHING_TO_DO,
		      BS_OK);
	image_assert_same(image, &before);
}

TEST(refusing, what_is_no_image_is_refused)
{
	assert_result(bs_fix("/nothing/there", &options, NULL, &result), BS_EXIT_FAILED,
		      BS_STATUS_FAILED, BS_NOT_FOUND);
	assert_result(bs_fix(images_folder(), &options, NULL, &result), BS_EXIT_REFUSED,
		      BS_STATUS_REFUSED, BS_NOT_AN_IMAGE);
	assert_result(bs_inspect("/dev/null", &options, &result), BS_EXIT_REFUSED,
		      BS_STATUS_REFUSED, BS_NOT_AN_IMAGE);
}

TEST(refusing, a_read_only_image_is_refused_before_any_work)
{
	const char *image = image_copy(image_small("windows-7", false));
	struct image_digest before = image_digest(image);

	ck_assert_int_eq(chmod(image, 0444), 0);
	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_READ_ONLY);
	ck_assert_ptr_null(result.inspection);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_READ_ONLY);
	image_assert_same(image, &before);
	assert_alone(image);
	image_remove(image);
}

/* A child holds a lock as QEMU does on a disk that it writes to. */
static pid_t hold_like_qemu(const char *image)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
	int ready[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int descriptor = open(image, O_RDWR);

		if (descriptor < 0 || fcntl(descriptor, F_OFD_SETLK, &lock) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

TEST(refusing, an_image_that_a_virtual_machine_runs_from_is_left_alone)
{
	const char *image = image_copy(image_small("windows-7", false));
	pid_t machine = hold_like_qemu(image);

	assert_result(bs_fix(image, &options, NULL, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_IN_USE);
	assert_result(bs_undo(image, &options, &result), BS_EXIT_REFUSED, BS_STATUS_REFUSED,
		      BS_IN_USE);
	kill(machine, SIGKILL);
	ck_assert_int_eq(waitpid(machine, NULL, 0), machine);
	fix(image); /* fixable when QEMU has gone */
	image_remove(image);
}

/* ---- a process that is killed -------------------------------------------------------------- */

/* Waits until the undo file exists (the image is written next) or the process ends. */
static void await_journal(const char *image, pid_t child)
{
	char undo_file[IMAGE_PATH_MAX];
	siginfo_t ended = {0};

	snprintf(undo_file, sizeof(undo_file), "%s.bootshift-undo", image);
	while (access(undo_file, F_OK) != 0 &&
	       waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       ended.si_pid == 0)
		usleep(50);
}

/* Fixes in a child, and kills the child so long after it began to work or to write. */
static void fix_and_kill(const char *image, bool writing, unsigned microseconds)
{
	pid_t child = fork();

	if (child == 0) {
		struct bs_result own;

		_exit(bs_fix(image, &options, NULL, &own) == BS_EXIT_DONE ? 0 : 1);
	}
	if (writing)
		await_journal(image, child);
	usleep(microseconds);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/*
 * A worker that the killed process has just forked ends by itself.  Until then, the worker may have
 * a copy of the lock's descriptor.
 */
static bool in_use(void)
{
	usleep(1000);
	return result.error.code == BS_IN_USE;
}

/* Undoes whatever the killed process left: nothing, an interrupted fix, or a complete fix. */
static void take_back(const char *image)
{
	enum bs_exit exit;

	do {
		bs_result_free(&result);
		exit = bs_undo(image, &options, &result);
	} while (in_use());
	ck_assert_msg(exit == BS_EXIT_DONE, "%s", result.error.message);
}

/* Fixes again, which recovers the image first, and undoes. */
static void fix_again(const char *image)
{
	enum bs_exit exit;

	do {
		bs_result_free(&result);
		exit = bs_fix(image, &options, NULL, &result);
	} while (in_use());
	ck_assert_msg(exit == BS_EXIT_DONE, "%s", result.error.message);
	undo(image);
}

TEST_CASE(killed, "killed", .teardown = teardown, .tags = "slow");

TEST(killed, a_fix_that_is_killed_anywhere_is_taken_back_to_the_last_byte)
{
	const char *image = image_copy(
		image_recipe("killed", SAMPLE_SMALL "on system\nfile \\Boot\\large size=8M\n"));
	struct image_digest before = image_digest(image);

	for (unsigned i = 0; i < KILLS; i++) {
		bool writing = i >= KILLS / 4;

		/*
		 * The gaps grow: the first moments are during the writing, the last ones during the
		 * verification.
		 */
		fix_and_kill(image, writing,
			     writing ? (i - KILLS / 4) * (i - KILLS / 4) * 100 : i * 5000);
		if (i % 2 == 0)
			take_back(image);
		else
			fix_again(image);
		image_assert_same(image, &before);
		assert_alone(image);
	}
	image_remove(image);
}

TEST_CASE(other_samples, "other samples", .teardown = teardown, .tags = "slow");
TEST_ALSO(other_samples, undo_after_a_fix_gives_the_same_bytes, 1,
	  sizeof(fixable) / sizeof(fixable[0]));
TEST_ALSO(other_samples, a_refused_image_is_told_why_and_stays_as_it_is, 1,
	  sizeof(refused) / sizeof(refused[0]));
