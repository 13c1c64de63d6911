/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a file or folder is trusted, by its owner, mode, names and access control list.  Only
 * root can make files of other owners and become another user, so only root can run most of these
 * tests.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/trust.h"

#include "support/test.h"

#define NOBODY 65534u
#define ABSENT 54321u /* no user and no group has this number */

static char top[] = "/tmp/test-trust-XXXXXX"; /* root's, and others may go through it */
static char folder[64], file[80], other_name[80];

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chmod(top, 0755), 0);
	snprintf(folder, sizeof(folder), "%s/folder", top);
	snprintf(file, sizeof(file), "%s/file", folder);
	snprintf(other_name, sizeof(other_name), "%s/other", folder);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
}

static void remove_folder(void)
{
	unlink(file);
	unlink(other_name);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(rmdir(top), 0);
}

static void make_file(uid_t uid, gid_t gid, mode_t mode)
{
	int descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(fchown(descriptor, uid, gid), 0);
	ck_assert_int_eq(fchmod(descriptor, mode), 0);
	close(descriptor);
}

/* ---- checks by another user ----------------------------------------------------------------- */

typedef void check_function(struct bs_error *err);

static void check_name(struct bs_error *err)
{
	(void)!trust_check_name("undo file", file, err);
}

static void check_folder(struct bs_error *err)
{
	(void)!trust_check_folder(folder, err);
}

static void check_input(struct bs_error *err)
{
	int descriptor = trust_open_input("plan file", file, O_RDONLY, err);

	if (descriptor >= 0)
		close(descriptor);
}

/* What a check says when this user makes it; BS_OK: nothing. */
static struct bs_error check_as(uid_t uid, gid_t gid, check_function *check)
{
	struct bs_error err = {BS_OK, ""};
	int channel[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(channel), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
		    setresuid(uid, uid, uid) != 0)
			_exit(1);
		check(&err);
		_exit(write(channel[1], &err, sizeof(err)) == sizeof(err) ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(channel[0], &err, sizeof(err)), sizeof(err));
	close(channel[0]);
	close(channel[1]);
	return err;
}

static struct bs_error check_here(check_function *check)
{
	struct bs_error err = {BS_OK, ""};

	check(&err);
	return err;
}

static void assert_says(const struct bs_error *err, enum bs_code code, const char *words)
{
	ck_assert_msg(err->code == code, "%s: %s", bs_code_name(err->code), err->message);
	ck_assert_msg(strstr(err->message, words) != NULL, "\"%s\" is not in: %s", words,
		      err->message);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Who asks about a file or a folder, whose it is, and what the answer is. */
struct owned {
	uid_t caller, owner;
	gid_t group;
	mode_t mode;
	enum bs_code code;
	const char *words;
};

static const struct owned files[] = {
	{0, 0, 0, 0600, BS_OK, ""},
	{0, 0, NOBODY, 0644, BS_OK, ""},
	{0, NOBODY, NOBODY, 0600, BS_NOT_TRUSTED, "belongs to nobody (uid 65534) and not to root"},
	{0, ABSENT, 0, 0600, BS_NOT_TRUSTED, "belongs to uid 54321"},
	{0, 0, 0, 0602, BS_NOT_TRUSTED, "everybody may write to the undo file"},
	{0, 0, 0, 0666, BS_NOT_TRUSTED, "(mode 0666)"},
	{0, 0, NOBODY, 0660, BS_NOT_TRUSTED, "the group nogroup may write"},
	{0, 0, ABSENT, 0660, BS_NOT_TRUSTED, "the group with gid 54321 may write"},
	{0, 0, 0, 0660, BS_NOT_TRUSTED, "the group root may write"},
	{NOBODY, 0, 0, 0644, BS_OK, ""},
	{NOBODY, NOBODY, NOBODY, 0600, BS_OK, ""},
	{NOBODY, ABSENT, 0, 0644, BS_NOT_TRUSTED, "and not to you or root"},
	/* Its group has another name than the user. */
	{NOBODY, NOBODY, NOBODY, 0664, BS_NOT_TRUSTED, "the group nogroup may write"},
};

TEST_CASE(files_tests, "files", .setup = make_folder, .teardown = remove_folder);

TEST_EACH(files_tests, a_file_counts_by_its_owner_and_its_mode, files)
{
	struct bs_error err;

	if (!test_needs_root())
		return;
	make_file(files[_i].owner, files[_i].group, files[_i].mode);
	err = check_as(files[_i].caller, files[_i].caller, check_name);
	assert_says(&err, files[_i].code, files[_i].words);
	if (files[_i].code == BS_NOT_TRUSTED)
		ck_assert_ptr_nonnull(strstr(err.message, file));
}

TEST(files_tests, a_file_that_is_not_there_is_not_believed_nor_refused)
{
	struct bs_error err = check_here(check_name);

	assert_says(&err, BS_OK, "");
}

TEST(files_tests, a_file_with_another_name_does_not_count)
{
	struct bs_error err;

	make_file(geteuid(), getegid(), 0600);
	ck_assert_int_eq(link(file, other_name), 0);
	err = check_here(check_name);
	assert_says(&err, BS_NOT_TRUSTED, "another name (a hard link)");
	ck_assert_int_eq(unlink(other_name), 0);
	err = check_here(check_name);
	assert_says(&err, BS_OK, "");
}

/* An access control list as the kernel keeps it: a version, then tag, permissions, number each. */
#define ENTRY(tag, permissions, id) tag, 0, permissions, 0, (id)&0xff, (id) >> 8 & 0xff, 0, 0
#define NO_ID                       255, 255, 255, 255

static const uint8_t access_list[] = {
	2, 0, 0, 0,     1,  0, 6, 0, NO_ID, ENTRY(2, 6, NOBODY), 4, 0, 6, 0, NO_ID, 16,
	0, 6, 0, NO_ID, 32, 0, 0, 0, NO_ID,
};

TEST(files_tests, an_access_control_list_that_lets_others_write_is_seen)
{
	const struct passwd *user = getpwnam("games");
	struct bs_error err;

	if (!test_needs_root() || !test_needs(user, "the user games"))
		return;
	make_file(user->pw_uid, user->pw_gid, 0600);
	if (!test_needs(setxattr(file, "system.posix_acl_access", access_list, sizeof(access_list),
				 0) == 0,
			"a file system with access control lists"))
		return;
	err = check_as(user->pw_uid, user->pw_gid, check_name);
	assert_says(&err, BS_NOT_TRUSTED, "others, by an access control list, may write");
	ck_assert_int_eq(chmod(file, 0600), 0); /* takes the right to write from all of them */
	err = check_as(user->pw_uid, user->pw_gid, check_name);
	assert_says(&err, BS_OK, "");
}

TEST(files_tests, a_private_group_counts_as_its_user)
{
	const struct passwd *user = getpwnam("games");
	const struct group *group = getgrnam("games");
	struct bs_error err;

	if (!test_needs_root() ||
	    !test_needs(user && group && !group->gr_mem[0] && user->pw_gid == group->gr_gid,
			"the user games with a group of its own"))
		return;
	make_file(user->pw_uid, user->pw_gid, 0664);
	ck_assert_int_eq(chown(folder, user->pw_uid, user->pw_gid), 0);
	ck_assert_int_eq(chmod(folder, 02775), 0);
	err = check_as(user->pw_uid, user->pw_gid, check_name);
	assert_says(&err, BS_OK, "");
	ck_assert_int_eq(chown(file, user->pw_uid, NOBODY), 0);
	ck_assert_int_eq(chmod(file, 0664), 0);
	err = check_as(user->pw_uid, user->pw_gid, check_name);
	assert_says(&err, BS_NOT_TRUSTED, "the group nogroup");
}

/* ---- folders -------------------------------------------------------------------------------- */

static const struct owned folders[] = {
	{0, 0, 0, 0755, BS_OK, ""},
	{0, 0, 0, 0700, BS_OK, ""},
	{0, 0, 0, 01777, BS_OK, ""},
	{0, 0, NOBODY, 01775, BS_OK, ""},
	{NOBODY, 0, 0, 0755, BS_OK, ""},
	{NOBODY, 0, 0, 01777, BS_OK, ""},
	{NOBODY, NOBODY, NOBODY, 0755, BS_OK, ""},
	{NOBODY, NOBODY, NOBODY, 01777, BS_OK, ""},
	{0, NOBODY, NOBODY, 0755, BS_FOLDER_NOT_TRUSTED, "belongs to nobody (uid 65534)"},
	{0, NOBODY, NOBODY, 01777, BS_FOLDER_NOT_TRUSTED, "belongs to nobody (uid 65534)"},
	{0, 0, 0, 0777, BS_FOLDER_NOT_TRUSTED, "everybody may write to the folder"},
	{0, 0, NOBODY, 02775, BS_FOLDER_NOT_TRUSTED, "the group nogroup may write to the folder"},
	{0, 0, 0, 02775, BS_FOLDER_NOT_TRUSTED, "(mode 2775)"},
	{NOBODY, ABSENT, 0, 0755, BS_FOLDER_NOT_TRUSTED, "belongs to uid 54321"},
};

TEST_CASE(folders_tests, "folders", .setup = make_folder, .teardown = remove_folder);

TEST_EACH(folders_tests, a_folder_counts_by_its_owner_and_its_mode_and_so_do_its_files, folders)
{
	struct bs_error err;

	if (!test_needs_root())
		return;
	ck_assert_int_eq(chown(folder, folders[_i].owner, folders[_i].group), 0);
	ck_assert_int_eq(chmod(folder, folders[_i].mode), 0);
	err = check_as(folders[_i].caller, folders[_i].caller, check_folder);
	assert_says(&err, folders[_i].code, folders[_i].words);
	make_file(folders[_i].caller, folders[_i].caller, 0600);
	err = check_as(folders[_i].caller, folders[_i].caller, check_name);
	assert_says(&err, folders[_i].code == BS_OK ? BS_OK : BS_NOT_TRUSTED, folders[_i].words);
}

TEST(folders_tests, all_folders_above_count_too)
{
	struct bs_error err;

	ck_assert_int_eq(chmod(top, 0777), 0);
	err = check_here(check_folder);
	assert_says(&err, BS_FOLDER_NOT_TRUSTED, "everybody may write");
	ck_assert_ptr_nonnull(strstr(err.message, top));
	ck_assert_ptr_null(strstr(err.message, folder));
}

TEST(folders_tests, a_folder_is_followed_to_its_real_path)
{
	char name[80];
	struct bs_error err = {BS_OK, ""};

	snprintf(name, sizeof(name), "%s/link", top);
	ck_assert_int_eq(symlink("folder", name), 0);
	ck_assert_msg(trust_check_folder(name, &err) == 0, "%s", err.message);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_lt(trust_check_folder(name, &err), 0);
	assert_says(&err, BS_FOLDER_NOT_TRUSTED, folder);
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_lt(trust_check_folder(name, &err), 0);
	ck_assert_int_eq(err.code, BS_NOT_FOUND);
}

TEST(folders_tests, a_new_file_that_comes_out_as_somebody_elses_is_told)
{
	struct bs_error err = {BS_OK, ""};
	int descriptor;

	make_file(geteuid(), getegid(), 0600);
	descriptor = open(file, O_RDWR);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_msg(trust_check_new(descriptor, folder, &err) == 0, "%s", err.message);
	ck_assert_int_eq(fchmod(descriptor, 0777), 0);
	ck_assert_int_lt(trust_check_new(descriptor, folder, &err), 0);
	assert_says(&err, BS_FOLDER_NOT_TRUSTED, "everybody may write to them (mode 0777)");
	if (test_needs_root()) {
		ck_assert_int_eq(fchown(descriptor, NOBODY, NOBODY), 0);
		ck_assert_int_lt(trust_check_new(descriptor, folder, &err), 0);
		assert_says(&err, BS_FOLDER_NOT_TRUSTED, "to nobody (uid 65534)");
	}
	close(descriptor);
}

/* ---- what the caller names ------------------------------------------------------------------ */

TEST_CASE(inputs, "inputs", .setup = make_folder, .teardown = remove_folder);

TEST(inputs, an_input_counts_as_a_file_of_ours_does)
{
	struct bs_error err = check_here(check_input);

	ck_assert_int_eq(err.code, BS_NOT_FOUND);
	make_file(geteuid(), getegid(), 0644);
	err = check_here(check_input);
	assert_says(&err, BS_OK, "");
	ck_assert_int_eq(rename(file, other_name), 0);
	ck_assert_int_eq(symlink("other", file), 0);
	err = check_here(check_input);
	assert_says(&err, BS_INPUT_NOT_TRUSTED, "is a symbolic link");
	ck_assert_int_eq(rename(other_name, file), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	err = check_here(check_input);
	assert_says(&err, BS_INPUT_NOT_TRUSTED, "may have been put there by somebody else");
	ck_assert_int_eq(chmod(folder, 0755), 0);
	if (test_needs_root()) {
		ck_assert_int_eq(chown(file, NOBODY, NOBODY), 0);
		err = check_here(check_input);
		assert_says(&err, BS_INPUT_NOT_TRUSTED, "belongs to nobody (uid 65534)");
	}
}

TEST(inputs, a_pipe_of_the_caller_and_what_is_open_already_are_taken)
{
	char byte = 0, name[40];
	struct bs_error err = {BS_OK, ""};
	int channel[2], descriptor;

	ck_assert_int_eq(pipe(channel), 0);
	ck_assert_int_eq(write(channel[1], "x", 1), 1);
	snprintf(name, sizeof(name), "/dev/fd/%d", channel[0]);
	descriptor = trust_open_input("plan file", name, O_RDONLY, &err);
	ck_assert_msg(descriptor >= 0, "%s", err.message);
	ck_assert_int_eq(read(descriptor, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	close(descriptor);
	make_file(geteuid(), getegid(), 0666);
	ck_assert_int_ge(dup2(open(file, O_RDONLY), channel[0]), 0);
	descriptor = trust_open_input("plan file", name, O_RDONLY, &err);
	ck_assert_msg(descriptor >= 0, "%s", err.message);
	close(descriptor);
}
