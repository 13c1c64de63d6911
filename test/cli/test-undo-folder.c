/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The place of the undo file, and what happens if the undo file cannot be written there. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/report.h"

#define NOBODY "65534"

static json_t *run_with(const char *command, const char *folder, const char *image, int exit_status)
{
	struct outcome outcome = BOOTSHIFT(command, "--json", "--undo-dir", folder, image);

	ASSERT_STATUS(outcome, exit_status);
	return report_only(&outcome, command);
}

TEST_CASE(undo_folder, "undo folder");

TEST(undo_folder, the_undo_file_can_lie_elsewhere)
{
	const char *image = small_image(), *folder = test_folder();
	struct image_state before = state_take(image);
	json_t *result = run_with("fix", folder, image, 0);
	const char *undo_file = report_text(result, "undo_file");

	ck_assert_int_eq(strncmp(undo_file, folder, strlen(folder)), 0);
	ck_assert_int_eq(access(undo_file, F_OK), 0);
	ck_assert_str_eq(state_folder(image), before.folder);
	report_run("undo", image, 3, "refused", "no-undo-file");
	run_with("undo", folder, image, 0);
	state_assert_restored(image, &before);
	ck_assert_int_eq(rmdir(folder), 0);
}

TEST(undo_folder, images_of_one_name_share_a_folder_for_their_undo_files)
{
	const char *one = small_image(), *other = small_image(), *folder = test_folder();
	struct image_state before = state_take(one);
	const char *one_undo, *other_undo;

	ck_assert_str_eq(strrchr(one, '/'), strrchr(other, '/'));
	one_undo = report_text(run_with("fix", folder, one, 0), "undo_file");
	other_undo = report_text(run_with("fix", folder, other, 0), "undo_file");
	ck_assert_str_ne(one_undo, other_undo);
	run_with("undo", folder, one, 0);
	state_assert_restored(one, &before);
	run_with("undo", folder, other, 0);
	image_assert_same(other, &before.digest);
	ck_assert_int_eq(rmdir(folder), 0);
}

/*
 * Kills a fix some time after its undo file appears.  Returns whether the image may be half
 * written.
 */
static bool kill_while_writing(const char *folder, const char *image, const char *undo_file,
			       int after)
{
	struct program program = START_BOOTSHIFT("fix", "--undo-dir", folder, image);

	while (access(undo_file, F_OK) != 0)
		;
	usleep((useconds_t)after);
	kill(program.process, SIGKILL);
	program_wait(&program);
	return BOOTSHIFT("inspect", "--undo-dir", folder, image).status == 4 &&
	       getxattr(image, "user.bootshift.undo", NULL, 0) > 0;
}

TEST(undo_folder, a_fix_interrupted_in_a_folder_is_seen_without_it_and_under_another_name)
{
	const char *image = small_image(), *folder = test_folder();
	const char *other = text("%s.link", image);
	struct image_state before = state_take(image);
	const char *undo_file = report_text(run_with("fix", folder, image, 0), "undo_file");
	const char *command = text("bootshift undo --undo-dir %s %s", folder, image);
	const char *advice = text("(recovery-required); make sure that the undo file is in its "
				  "place, then run: %s\n",
				  command);
	const char *path = bootshift_path();
	bool interrupted = setxattr(image, "user.test", "", 0, 0) < 0; /* no attributes here */

	removexattr(image, "user.test");
	run_with("undo", folder, image, 0);
	for (int i = 0; i < 100 && !interrupted; i++) {
		struct outcome outcome;

		interrupted = kill_while_writing(folder, image, undo_file, i % 20 * 100);
		if (interrupted) {
			report_run("inspect", image, 4, "recovery-required", "recovery-required");
			report_run("undo", image, 4, "recovery-required", "recovery-required");
			outcome = BOOTSHIFT("fix", image);
			ASSERT_STATUS(outcome, 4);
			ASSERT_HAS(outcome.errors, undo_file);
			ASSERT_HAS(outcome.errors, advice);
			/* The advice stays the same if another folder is named. */
			outcome = BOOTSHIFT("fix", "--undo-dir", "/", image);
			ASSERT_HAS(outcome.errors, advice);
			ck_assert_int_eq(link(image, other), 0);
			report_run("fix", other, 4, "recovery-required", "recovery-required");
			ck_assert_int_eq(unlink(other), 0);
		}
		outcome = RUN("sh", "-c",
			      text("%.*s/%s", (int)(strrchr(path, '/') - path), path, command));
		ck_assert(outcome.status == 0 || !interrupted);
		state_assert_restored(image, &before);
	}
	ck_assert(interrupted); /* otherwise the test proves nothing */
}

TEST(undo_folder, a_folder_that_is_not_there_stops_a_fix)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	json_t *result = run_with("fix", text("%s/nowhere", images_folder()), image, 1);

	ck_assert_str_eq(report_text(result, "code"), "not-found");
	result = run_with("fix", image, image, 1); /* a file, not a folder */
	state_assert_untouched(image, &before);
}

/* Runs bootshift as a user who owns nothing, from a place where that user may read bootshift. */
static struct outcome run_as_nobody(const char *command, const char *image)
{
	return RUN("setpriv", "--reuid=" NOBODY, "--regid=" NOBODY, "--clear-groups",
		   bootshift_for_everyone(), command, image);
}

TEST(undo_folder, a_folder_that_may_not_be_written_to_stops_a_fix)
{
	const char *image = small_image();
	struct image_state before;
	struct outcome outcome;

	if (!test_needs_root())
		return; /* only root can become another user */
	ck_assert_int_eq(chmod(image, 0666), 0);
	ck_assert_int_eq(chmod(text("%.*s", (int)(strrchr(image, '/') - image), image), 0555), 0);
	before = state_take(image);
	outcome = run_as_nobody("fix", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(undo-folder-unwritable); ");
	ASSERT_HAS(outcome.errors, "--undo-dir");
	outcome = run_as_nobody("inspect", image);
	ASSERT_STATUS(outcome, 0);
	state_assert_untouched(image, &before);
}

/* Runs every command on the image and checks that each refuses it with this code. */
static void assert_all_refuse(const char *image, const char *code)
{
	static const char *const commands[] = {"inspect", "plan", "fix", "undo"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		report_run(commands[i], image, 3, "refused", code);
}

TEST_LOOP(undo_folder, a_link_or_a_folder_in_place_of_a_file_of_ours_is_told, 0, 3)
{
	static const char *const suffixes[] = {"undo", "undo.tmp", "lock"};
	const char *image = small_image();
	struct image_state before = state_take(image);
	const char *name = text("%s.bootshift-%s", image, suffixes[_i]);

	ck_assert_int_eq(symlink("nowhere", name), 0);
	assert_all_refuse(image, "undo-file-unusable");
	ASSERT_HAS(BOOTSHIFT("undo", image).errors, text("%s is a symbolic link", name));
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	assert_all_refuse(image, "undo-file-unusable");
	ASSERT_HAS(BOOTSHIFT("undo", image).errors, text("%s is a folder", name));
	ck_assert_int_eq(rmdir(name), 0);
	state_assert_untouched(image, &before);
}

TEST(undo_folder, an_image_with_too_long_a_name_for_an_undo_file_is_told)
{
	const char *image = small_image();
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	const char *longest = text("%s/%0236d", folder, 0), *longer = text("%s/%0237d", folder, 0);

	ck_assert_int_eq(rename(image, longer), 0);
	assert_all_refuse(longer, "name-too-long");
	ASSERT_HAS(BOOTSHIFT("fix", longer).errors,
		   "too long by 1 byte (name-too-long); shorten the image's name by that much\n");
	ck_assert_int_eq(rename(longer, longest), 0);
	report_run("fix", longest, 0, "fixed", NULL);
	report_run("undo", longest, 0, "undone", NULL);
	report_run("fix", longest, 0, "fixed", NULL);
}

TEST(undo_folder, an_image_of_somebody_else_is_not_fixed)
{
	const char *image = small_image();
	struct image_state before;
	struct outcome outcome;

	if (!test_needs_root())
		return; /* only root can become another user */
	ck_assert_int_eq(chmod(text("%.*s", (int)(strrchr(image, '/') - image), image), 0777), 0);
	before = state_take(image);
	outcome = run_as_nobody("fix", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "(no-permission); ");
	state_assert_untouched(image, &before);
}

/* ---- no space ------------------------------------------------------------------------------ */

TEST(undo_folder, a_full_disk_for_the_undo_file_stops_a_fix)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	struct outcome outcome;

	if (!run_with_small_disk("64k",
				 text("'%s' fix --undo-dir /mnt '%s'", bootshift_path(), image),
				 &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(no-space); ");
	state_assert_untouched(image, &before);
}

/* The image is sparse.  A fix needs blocks for it that the disk does not have. */
TEST(undo_folder, a_full_disk_for_the_image_is_found_out_or_taken_back)
{
	const char *image = small_image();
	const char *copy = "/mnt/small.img";
	struct outcome outcome;

	if (!run_with_small_disk("64m",
				 text("cp --sparse=always '%s' %s && mkdir '%s.undo' && "
				      "{ head -c 100M /dev/zero >/mnt/rest; "
				      "'%s' fix --undo-dir '%s.undo' %s; status=$?; "
				      "ls -A '%s.undo'; cmp '%s' %s && exit $status; } 2>&1",
				      image, copy, image, bootshift_path(), image, copy, image,
				      image, copy),
				 &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.output, "(no-space); ");
	ASSERT_HAS_NOT(outcome.output, "small.img-"); /* no undo file */
}

/* Runs a dry run and the real fix, which must both fail alike and leave the image alone. */
static void assert_a_dry_run_fails_alike(const char *options, const char *image, int status,
					 const char *message)
{
	struct image_state before = state_take(image);

	for (int real = 0; real < 2; real++) {
		struct outcome outcome = RUN("sh", "-c",
					     text("'%s' fix %s %s '%s'", bootshift_path(),
						  real ? "" : "--dry-run", options, image));

		ASSERT_STATUS(outcome, status);
		ASSERT_HAS(outcome.errors, message);
		state_assert_untouched(image, &before);
	}
}

TEST(undo_folder, a_dry_run_finds_a_folder_that_is_none)
{
	const char *image = small_image();

	assert_a_dry_run_fails_alike("--undo-dir /nowhere", image, 1,
				     "/nowhere: No such file or directory (not-found); ");
	assert_a_dry_run_fails_alike("--undo-dir /dev/null", image, 1,
				     "/dev/null, is not a folder (not-found); ");
}

TEST_LOOP(undo_folder, a_dry_run_finds_attributes_that_let_nobody_write, 0, 4)
{
	static const struct {
		const char *attribute, *message;
		bool of_folder;
	} attributes[] = {
		{"i", "the file is immutable (chattr -i ends that) (read-only); ", false},
		{"a", "the file is append-only (chattr -a ends that) (read-only); ", false},
		{"i", "is immutable (chattr -i ends that) (undo-folder-unwritable); ", true},
		{"a", "is append-only (chattr -a ends that) (undo-folder-unwritable); ", true},
	};
	const char *image = small_image(), *folder = test_folder();
	const char *object = attributes[_i].of_folder ? folder : image;
	struct outcome outcome;

	if (!test_needs_root() || !test_needs_program("chattr"))
		return;
	outcome = RUN("chattr", text("+%s", attributes[_i].attribute), object);
	if (!test_needs_kernel(outcome.status == 0, "a file system with attributes of chattr"))
		return;
	assert_a_dry_run_fails_alike(attributes[_i].of_folder ? text("--undo-dir '%s'", folder)
							      : "",
				     image, 3, attributes[_i].message);
	ASSERT_STATUS(RUN("chattr", text("-%s", attributes[_i].attribute), object), 0);
	report_run("fix", image, 0, "fixed", NULL);
}

TEST(undo_folder, a_dry_run_finds_a_full_disk_for_the_undo_file)
{
	const char *image = small_image();
	struct image_state before = state_take(image);
	struct outcome outcome;

	if (!run_with_small_disk(
		    "64k", text("'%s' fix --dry-run --undo-dir /mnt '%s'", bootshift_path(), image),
		    &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, " bytes) of room in /mnt: No space left on device (no-space); ");
	state_assert_untouched(image, &before);
}

/*
 * The image is sparse, and the disk has room neither for its new blocks nor, in the second run, for
 * these and the undo file together.
 */
TEST_LOOP(undo_folder, a_dry_run_finds_a_full_disk_for_the_image, 0, 2)
{
	static const char *const messages[] = {"no room in /mnt: the image needs ",
					       "the undo file and the image need "};
	const char *image = small_image();
	const char *undo = _i == 0 ? text("--undo-dir '%s'", test_folder()) : "";
	struct outcome outcome;

	if (!run_with_small_disk("64m",
				 text("cp --sparse=always '%s' /mnt/small.img && "
				      "free=$(($(stat -f -c %%a*%%S /mnt) - %d)) && "
				      "fallocate -l $free /mnt/rest && "
				      "'%s' fix --dry-run %s /mnt/small.img",
				      image, _i == 0 ? 0 : 400000, bootshift_path(), undo),
				 &outcome))
		return;
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, messages[_i]);
}

/* A limit for the length of files must not kill a fix in the middle. */
TEST(undo_folder, a_limit_for_files_fails_a_fix_and_the_image_stays_old)
{
	static const char *const limits[] = {"100000", "100000000"};
	const char *image = small_image();
	struct image_state before = state_take(image);

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct outcome outcome = RUN("prlimit", text("--fsize=%s", limits[i]),
					     bootshift_path(), "fix", image);

		ck_assert_msg(outcome.status == 1 || outcome.status == 4, "status %d",
			      outcome.status);
		ASSERT_HAS(outcome.errors, "bootshift: ");
		if (outcome.status == 4)
			report_run("undo", image, 0, "undone", NULL);
		state_assert_restored(image, &before);
	}
}
