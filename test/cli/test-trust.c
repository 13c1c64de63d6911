/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No command obeys files that somebody else has made or may have made: undo files, lock files, plan
 * files, rows, and files in folders of others.  Only root can make such files, so these tests do
 * nothing for other users.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/samples.h"
#include "support/batches.h"
#include "support/report.h"
#include "support/server.h"

#define NOBODY      65534
#define NOBODY_TEXT "65534"
#define MARK_OFFSET 4096 /* of the mark APPLIED in an undo file; see bootshift-journal(5) */

static const char *const commands[] = {"inspect", "plan", "fix", "verify", "undo"};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char *folder_of(const char *path)
{
	return text("%.*s", (int)(strrchr(path, '/') - path), path);
}

/* An image in a folder like /tmp. */
static const char *image_in_sticky_folder(void)
{
	const char *image = small_image();

	ck_assert_int_eq(chmod(folder_of(image), 01777), 0);
	return image;
}

static void give_away(const char *path)
{
	ck_assert_int_eq(chown(path, NOBODY, NOBODY), 0);
}

static void take_over(const char *path)
{
	ck_assert_int_eq(chown(path, 0, 0), 0);
}

/*
 * Fixes the image and turns its undo file into that of an interrupted fix.  Returns the undo file.
 */
static const char *interrupt(const char *image)
{
	static const char zeros[4096];
	const char *undo_file = text("%s.bootshift-undo", image);

	report_run("fix", image, 0, "fixed", NULL);
	file_write(undo_file, MARK_OFFSET, zeros, sizeof(zeros));
	return undo_file;
}

static void assert_all_refuse(const char *image, const char *code, const char *words)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		report_run(commands[i], image, 3, "refused", code);
		ASSERT_HAS(BOOTSHIFT(commands[i], image).errors, words);
	}
}

/*
 * Runs the program as another user.  That user may read the program and the folder of the images.
 */
static struct outcome run_as(const char *user, const char *group, const char *command)
{
	return RUN("setpriv", text("--reuid=%s", user), text("--regid=%s", group), "--clear-groups",
		   "sh", "-c",
		   text("umask 002; bootshift=%s; %s", bootshift_for_everyone(), command));
}

/* ---- undo files ----------------------------------------------------------------------------- */

TEST_CASE(trust, "files of others");

TEST(trust, an_interrupted_undo_file_of_somebody_else_is_not_obeyed)
{
	const char *image = image_in_sticky_folder(), *undo_file;
	struct image_state original, before;

	if (!test_needs_root())
		return;
	original = state_take(image);
	undo_file = interrupt(image);
	give_away(undo_file);
	before = state_take(image);
	assert_all_refuse(
		image, "not-trusted",
		text("the undo file %s belongs to nobody (uid " NOBODY_TEXT ")", undo_file));
	ASSERT_HAS(BOOTSHIFT("fix", image).errors, "chown");
	state_assert_untouched(image, &before);
	take_over(undo_file); /* as the advice says */
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &original);
}

TEST(trust, an_undo_file_of_somebody_else_after_a_fix_is_not_obeyed)
{
	const char *image = image_in_sticky_folder(), *undo_file;
	struct image_state before;

	if (!test_needs_root())
		return;
	report_run("fix", image, 0, "fixed", NULL);
	undo_file = text("%s.bootshift-undo", image);
	give_away(undo_file);
	before = state_take(image);
	assert_all_refuse(image, "not-trusted", "nobody");
	state_assert_untouched(image, &before);
}

TEST(trust, an_undo_file_that_everybody_may_write_to_is_not_obeyed)
{
	const char *image = small_image(), *undo_file;
	struct image_state original = state_take(image), before;

	undo_file = interrupt(image);
	ck_assert_int_eq(chmod(undo_file, 0646), 0);
	before = state_take(image);
	assert_all_refuse(image, "not-trusted",
			  text("everybody may write to the undo file %s (mode 0646)", undo_file));
	state_assert_untouched(image, &before);
	ck_assert_int_eq(chmod(undo_file, 0644), 0);
	report_run("undo", image, 0, "undone", NULL);
	state_assert_restored(image, &original);
}

TEST(trust, another_name_of_an_undo_file_is_not_obeyed)
{
	const char *image = small_image(), *undo_file = interrupt(image);
	const char *other = text("%s/elsewhere", images_folder());
	struct image_state before;

	ck_assert_int_eq(link(undo_file, other), 0);
	before = state_take(image);
	assert_all_refuse(image, "not-trusted", "has another name (a hard link)");
	state_assert_untouched(image, &before);
	ck_assert_int_eq(unlink(other), 0);
	report_run("undo", image, 0, "undone", NULL);
}

/* An undo file that belongs to root, but somebody else may have moved it to this place. */
TEST(trust, an_undo_file_in_a_folder_of_somebody_else_is_not_obeyed)
{
	const char *image = small_image(), *undo_file = interrupt(image);
	struct image_state before;

	if (!test_needs_root())
		return;
	give_away(folder_of(image));
	before = state_take(image);
	assert_all_refuse(image, "not-trusted", text("the undo file %s", undo_file));
	ASSERT_HAS(BOOTSHIFT("undo", image).errors,
		   text("the folder %s belongs to nobody", folder_of(image)));
	state_assert_untouched(image, &before);
	take_over(folder_of(image));
	report_run("undo", image, 0, "undone", NULL);
}

/*
 * Both images have the same length and the same boot files.  Only the name of the undo file says to
 * which image it belongs.
 */
TEST(trust, an_undo_file_of_another_image_is_not_obeyed)
{
	const char *image = small_image();
	const char *other = image_copy(image_recipe(
		"other", SAMPLE_SMALL "on windows\nfile \\Windows\\notepad.exe size=70000\n"));
	const char *undo_file = text("%s.bootshift-undo", image);
	struct image_state before = state_take(image);

	report_run("fix", other, 0, "fixed", NULL);
	ck_assert_int_eq(rename(text("%s.bootshift-undo", other), undo_file), 0);
	report_run("undo", image, 3, "refused", "changed-since-fix");
	report_run("fix", image, 3, "refused", "undo-file-exists");
	report_run("undo", other, 3, "refused", "no-undo-file");
	file_write(undo_file, MARK_OFFSET, (const char[4096]){0}, 4096);
	report_run("undo", image, 3, "refused", "changed-since-fix");
	report_run("fix", image, 3, "refused", "changed-since-fix");
	ASSERT_HAS(BOOTSHIFT("undo", image).errors, "move its undo file away");
	image_assert_same(image, &before.digest);
	ck_assert_int_eq(unlink(undo_file), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}

TEST(trust, the_undo_file_can_be_written_by_its_owner_alone)
{
	const char *image = small_image(), *undo_file = text("%s.bootshift-undo", image);
	struct stat status;

	ck_assert_int_eq(chmod(image, 0666), 0);
	ASSERT_STATUS(RUN("sh", "-c", text("umask 0; '%s' fix '%s'", bootshift_path(), image)), 0);
	ck_assert_int_eq(stat(undo_file, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0644);
	report_run("undo", image, 0, "undone", NULL);
	ck_assert_int_eq(chmod(image, 0640), 0);
	ASSERT_STATUS(BOOTSHIFT("fix", image), 0);
	ck_assert_int_eq(stat(undo_file, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0640);
	report_run("undo", image, 0, "undone", NULL);
}

/* ---- the two other files -------------------------------------------------------------------- */

static const struct {
	const char *suffix, *what;
} others[] = {
	{"undo.tmp", "the unfinished undo file"},
	{"lock", "the lock file"},
};

TEST_LOOP(trust, an_unfinished_undo_file_or_a_lock_file_of_somebody_else_is_told, 0, 2)
{
	const char *image = image_in_sticky_folder();
	const char *name = text("%s.bootshift-%s", image, others[_i].suffix);
	struct image_state before;
	int descriptor;

	if (!test_needs_root())
		return;
	descriptor = open(name, O_RDONLY | O_CREAT | O_EXCL, 0644);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(flock(descriptor, LOCK_EX), 0); /* the owner may hold the lock for ever */
	give_away(name);
	before = state_take(image);
	assert_all_refuse(image, "not-trusted",
			  text("%s %s belongs to nobody", others[_i].what, name));
	state_assert_untouched(image, &before);
	close(descriptor);
	ck_assert_int_eq(unlink(name), 0); /* moved away, as the advice says */
	report_run("fix", image, 0, "fixed", NULL);
	report_run("undo", image, 0, "undone", NULL);
}

/* ---- the folder of the undo file ------------------------------------------------------------ */

static const struct {
	uid_t owner;
	gid_t group;
	mode_t mode;
	const char *words;
} open_folders[] = {
	{0, NOBODY, 02775, "the group nogroup may write to the folder"},
	{0, 0, 0777, "everybody may write to the folder"},
	{NOBODY, NOBODY, 0755, "belongs to nobody (uid " NOBODY_TEXT ")"},
};

static void open_up(const char *folder, int i)
{
	ck_assert_int_eq(chown(folder, open_folders[i].owner, open_folders[i].group), 0);
	ck_assert_int_eq(chmod(folder, open_folders[i].mode), 0);
}

TEST_LOOP(trust, an_image_in_a_folder_of_others_is_fixed_with_another_folder_for_the_undo_file, 0,
	  (int)(sizeof(open_folders) / sizeof(open_folders[0])))
{
	const char *image = small_image(), *folder = test_folder();
	struct image_state before;
	struct outcome outcome;

	if (!test_needs_root())
		return;
	open_up(folder_of(image), _i);
	before = state_take(image);
	report_run("inspect", image, 0, "would-fix", NULL);
	report_run("fix", image, 3, "refused", "folder-not-trusted");
	report_run("undo", image, 3, "refused", "folder-not-trusted");
	outcome = BOOTSHIFT("fix", "--dry-run", image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, open_folders[_i].words);
	ASSERT_HAS(outcome.errors, "--undo-dir FOLDER");
	state_assert_untouched(image, &before);
	ASSERT_STATUS(BOOTSHIFT("fix", "--undo-dir", folder, image), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--undo-dir", folder, image), 0);
	state_assert_restored(image, &before);
}

TEST_LOOP(trust, a_folder_of_others_is_not_taken_for_undo_files, 0,
	  (int)(sizeof(open_folders) / sizeof(open_folders[0])))
{
	const char *image = small_image(), *folder = test_folder();
	struct image_state before = state_take(image);
	struct outcome outcome;

	if (!test_needs_root())
		return;
	open_up(folder, _i);
	outcome = BOOTSHIFT("fix", "--undo-dir", folder, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, open_folders[_i].words);
	outcome = BOOTSHIFT("batch", "--undo-dir", folder, image);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(folder-not-trusted)");
	state_assert_untouched(image, &before);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing was left there */
}

TEST_LOOP(trust, a_state_directory_of_others_is_not_taken, 0,
	  (int)(sizeof(open_folders) / sizeof(open_folders[0])))
{
	const char *file = small_image(), *state = test_folder();
	const char *folder = text("%s/bootshift", state);
	struct image_digest before = image_digest(file);
	struct server server;

	if (!test_needs_root() || !test_needs_program("nbdkit"))
		return;
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	open_up(folder, _i);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", state, 1), 0);
	SERVER_START(&server, folder_of(file), "nbdkit", "file", file);
	report_run("fix", server.uri, 3, "refused", "folder-not-trusted");
	ASSERT_HAS(BOOTSHIFT("fix", server.uri).errors, open_folders[_i].words);
	image_assert_same(file, &before);
	ck_assert_int_eq(rmdir(folder), 0);
	report_run("fix", server.uri, 0, "fixed", NULL); /* makes the folder again */
	report_run("undo", server.uri, 0, "undone", NULL);
	server_stop(&server);
	image_assert_same(file, &before);
}

/* A file system on which all files belong to one user, such as a share or a memory stick. */
TEST(trust, a_file_system_that_gives_files_to_others_is_told_before_anything_is_written)
{
	const char *image = small_image(), *volume = text("%s/volume", images_folder());
	struct image_state before = state_take(image);
	struct outcome outcome;

	if (!test_needs_root())
		return;
	ASSERT_STATUS(RUN("truncate", "-s", "64M", volume), 0);
	ASSERT_STATUS(RUN("mkntfs", "-qF", volume), 0);
	outcome = RUN("unshare", "--mount", "sh", "-c",
		      text("ntfs-3g -o uid=" NOBODY_TEXT ",umask=022 '%s' /mnt || exit 77; "
			   "'%s' fix --undo-dir /mnt '%s'; status=$?; ls -A /mnt; umount /mnt; "
			   "exit $status",
			   volume, bootshift_path(), image));
	if (!test_needs(outcome.status != 77, "the right to mount"))
		return;
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "nobody");
	ASSERT_HAS(outcome.errors, "(folder-not-trusted)");
	ASSERT_HAS_NOT(outcome.output, "bootshift");
	state_assert_untouched(image, &before);
}

/* ---- what goes on working ------------------------------------------------------------------- */

TEST(trust, root_fixes_an_image_of_somebody_else_in_a_sticky_folder)
{
	const char *image = image_in_sticky_folder();

	if (!test_needs_root())
		return;
	give_away(image);
	report_run("fix", image, 0, "fixed", NULL);
	report_run("undo", image, 0, "undone", NULL);
}

TEST(trust, a_user_fixes_an_image_at_home)
{
	const char *image = small_image();
	struct image_state before = state_take(image);

	if (!test_needs_root())
		return;
	give_away(folder_of(image));
	give_away(image);
	ASSERT_STATUS(run_as(NOBODY_TEXT, NOBODY_TEXT, text("$bootshift fix '%s'", image)), 0);
	ASSERT_STATUS(run_as(NOBODY_TEXT, NOBODY_TEXT, text("$bootshift undo '%s'", image)), 0);
	image_assert_same(image, &before.digest);
}

/* On systems that give each user a group, all folders are writable for that group. */
TEST(trust, a_user_with_a_private_group_fixes_an_image_in_a_folder_of_that_group)
{
	const char *image = small_image(), *folder = folder_of(image);
	struct image_state before = state_take(image);

	if (!test_needs_root() ||
	    !test_needs(RUN("sh", "-c", "test $(id -gn games) = games").status == 0,
			"the user games with a group of its own"))
		return;
	ASSERT_STATUS(RUN("chown", "-R", "games:games", folder), 0);
	ck_assert_int_eq(chmod(folder, 0775), 0);
	ck_assert_int_eq(chmod(image, 0664), 0);
	ASSERT_STATUS(run_as("games", "games", text("$bootshift fix '%s'", image)), 0);
	ASSERT_STATUS(run_as("games", "games", text("$bootshift undo '%s'", image)), 0);
	image_assert_same(image, &before.digest);
}

TEST(trust, an_image_is_fixed_through_a_link_to_it_and_to_its_folder)
{
	const char *image = small_image();
	const char *link = text("%s/link", test_folder());
	const char *folder_link = text("%s/folder", test_folder());
	struct image_state before = state_take(image);

	ck_assert_int_eq(symlink(image, link), 0);
	ck_assert_int_eq(symlink(folder_of(image), folder_link), 0);
	report_run("fix", link, 0, "fixed", NULL);
	report_run("undo", text("%s%s", folder_link, strrchr(image, '/')), 0, "undone", NULL);
	state_assert_restored(image, &before);
}

/* ---- plan files ----------------------------------------------------------------------------- */

static const char *make_plan(const char *image)
{
	const char *plan = text("%s/plan.json", test_folder());

	ASSERT_STATUS(BOOTSHIFT("plan", "-o", plan, image), 0);
	return plan;
}

TEST(trust, a_plan_can_be_written_by_its_owner_alone)
{
	const char *plan = text("%s/plan.json", test_folder());
	struct stat status;

	ASSERT_STATUS(
		RUN("sh", "-c",
		    text("umask 0; '%s' plan -o '%s' '%s'", bootshift_path(), plan, small_image())),
		0);
	ck_assert_int_eq(stat(plan, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0644);
}

TEST_LOOP(trust, a_plan_that_somebody_else_may_have_written_is_not_kept_to, 0, 5)
{
	const char *image = small_image(), *plan = make_plan(image);
	const char *other = text("%s.other", plan);
	struct image_state before = state_take(image);
	struct outcome outcome;

	switch (_i) {
	case 0:
		if (!test_needs_root())
			return;
		give_away(plan);
		break;
	case 1:
		ck_assert_int_eq(chmod(plan, 0666), 0);
		break;
	case 2:
		ck_assert_int_eq(link(plan, other), 0);
		break;
	case 3:
		ck_assert_int_eq(rename(plan, other), 0);
		ck_assert_int_eq(symlink(other, plan), 0);
		break;
	case 4:
		ck_assert_int_eq(chmod(folder_of(plan), 0777), 0);
		break;
	}
	outcome = BOOTSHIFT("fix", "--plan", plan, image);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, plan);
	ASSERT_HAS(outcome.errors, "(input-not-trusted); if you trust the file, copy it");
	outcome = BOOTSHIFT("fix", "--dry-run", "--plan", plan, image);
	ASSERT_STATUS(outcome, 3);
	state_assert_untouched(image, &before);
	other = text("%s/copy.json", test_folder());
	ASSERT_STATUS(RUN("cp", plan, other), 0); /* as the advice says */
	ASSERT_STATUS(BOOTSHIFT("fix", "--plan", other, image), 0);
}

TEST(trust, a_plan_comes_through_a_pipe_or_the_standard_input)
{
	const char *image = small_image(), *plan = make_plan(image);

	ASSERT_STATUS(RUN("sh", "-c",
			  text("cat '%s' | '%s' fix --plan /dev/stdin '%s'", plan, bootshift_path(),
			       image)),
		      0);
	report_run("undo", image, 0, "undone", NULL);
	ASSERT_STATUS(
		RUN("sh", "-c",
		    text("'%s' fix --plan /dev/stdin '%s' <'%s'", bootshift_path(), image, plan)),
		0);
	report_run("undo", image, 0, "undone", NULL);
	ASSERT_STATUS(RUN("bash", "-c",
			  text("'%s' fix --plan <(cat '%s') '%s'", bootshift_path(), plan, image)),
		      0);
}

/* ---- rows ----------------------------------------------------------------------------------- */

TEST(trust, rows_that_somebody_else_may_have_written_take_nothing_back)
{
	const char *folder = batch_folder(), *rows = text("%s.jsonl", folder);
	const char *image = batch_put(folder, "a.img", image_recipe("small", SAMPLE_SMALL));
	struct image_state before;
	struct outcome outcome;

	ASSERT_STATUS(BOOTSHIFT("batch", "--jsonl", rows, folder), 0);
	before = state_take(image);
	ck_assert_int_eq(chmod(rows, 0666), 0);
	outcome = BOOTSHIFT("undo", "--from", rows);
	ASSERT_STATUS(outcome, 3);
	ASSERT_HAS(outcome.errors, "everybody may write to the file of batch results");
	ASSERT_HAS(outcome.errors, "(input-not-trusted)");
	outcome = BOOTSHIFT("batch", "--jsonl", rows, "--resume", folder);
	ASSERT_STATUS(outcome, 1);
	ASSERT_HAS(outcome.errors, "(input-not-trusted)");
	state_assert_untouched(image, &before);
	if (test_needs_root()) {
		ck_assert_int_eq(chmod(rows, 0644), 0);
		give_away(rows);
		outcome = BOOTSHIFT("undo", "--from", rows);
		ASSERT_STATUS(outcome, 3);
		ASSERT_HAS(outcome.errors, "belongs to nobody (uid " NOBODY_TEXT ")");
		state_assert_untouched(image, &before);
	}
	/* A report of the rows changes nothing, so the rows need not be trusted. */
	ASSERT_STATUS(BOOTSHIFT("report", rows), 0);
	ASSERT_STATUS(RUN("cp", "--no-preserve=mode", rows, text("%s.copy", rows)), 0);
	ASSERT_STATUS(BOOTSHIFT("undo", "--from", text("%s.copy", rows)), 0);
	report_run("inspect", image, 0, "would-fix", NULL);
}
