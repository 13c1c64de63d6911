/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks the owners, modes and folders of files; see trust.h. */
#include "util/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/path.h"

#define ENTRY_SIZE (64u << 10) /* bytes, the buffer for the entry of a user or a group */

/* The size of an access control list without further users and groups: a header, three entries. */
#define ACL_NAME         "system.posix_acl_access"
#define ACL_SIZE_MINIMAL 28

struct label {
	char text[96];
};

/* ---- names of owners ------------------------------------------------------------------------ */

static struct label trust_name_user(uid_t uid)
{
	struct label label;
	struct passwd entry, *found = NULL;
	char *buffer = malloc(ENTRY_SIZE);

	if (buffer && getpwuid_r(uid, &entry, buffer, ENTRY_SIZE, &found) == 0 && found)
		snprintf(label.text, sizeof(label.text), "%.60s (uid %u)", entry.pw_name, uid);
	else
		snprintf(label.text, sizeof(label.text), "uid %u, which has no name here,", uid);
	free(buffer);
	return label;
}

static struct label trust_name_group(gid_t gid)
{
	struct label label;
	struct group entry, *found = NULL;
	char *buffer = malloc(ENTRY_SIZE);

	if (buffer && getgrgid_r(gid, &entry, buffer, ENTRY_SIZE, &found) == 0 && found)
		snprintf(label.text, sizeof(label.text), "the group %.60s", entry.gr_name);
	else
		snprintf(label.text, sizeof(label.text), "the group with gid %u", gid);
	free(buffer);
	return label;
}

/* ---- the private group ---------------------------------------------------------------------- */

/* Whether the entries of this user and this group say that the group is private. */
static bool trust_names_private(uid_t uid, gid_t gid, char *user_buffer, char *group_buffer)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;

	if (getpwuid_r(uid, &user, user_buffer, ENTRY_SIZE, &found_user) != 0 || !found_user ||
	    user.pw_gid != gid ||
	    getgrgid_r(gid, &group, group_buffer, ENTRY_SIZE, &found_group) != 0 || !found_group ||
	    strcmp(group.gr_name, user.pw_name) != 0)
		return false;
	for (char **member = group.gr_mem; *member; member++)
		if (strcmp(*member, user.pw_name) != 0)
			return false;
	return true;
}

/*
 * Whether the group is the primary group of another user in /etc/passwd.  The group's list of
 * members does not contain such users.  The function does not check the users of a directory
 * service: there are too many, and a service does not put users into another's private group.
 */
static bool trust_is_shared_group(uid_t uid, gid_t gid, char *buffer)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry, *found;
	bool another = false;

	if (!file)
		return errno != ENOENT;
	while (!another && fgetpwent_r(file, &entry, buffer, ENTRY_SIZE, &found) == 0)
		another = entry.pw_gid == gid && entry.pw_uid != uid;
	fclose(file);
	return another;
}

static bool trust_is_private_group(gid_t gid)
{
	uid_t uid = geteuid();
	char *user_buffer = malloc(ENTRY_SIZE), *group_buffer = malloc(ENTRY_SIZE);
	bool private = uid != 0 && user_buffer && group_buffer &&
		       trust_names_private(uid, gid, user_buffer, group_buffer) &&
		       !trust_is_shared_group(uid, gid, user_buffer);

	free(user_buffer);
	free(group_buffer);
	return private;
}

/*
 * Whether an access control list has further users or groups.  If so, the mode's bits for the group
 * are the maximum of what each of them gets.  The function reads the list through /proc, because
 * the descriptor may be opened with O_PATH.
 */
static bool trust_has_access_list(int descriptor)
{
	char path[40];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	size = getxattr(path, ACL_NAME, NULL, 0);
	return size < 0 ? errno != ENODATA && errno != EOPNOTSUPP : size > ACL_SIZE_MINIMAL;
}

/* ---- one file or folder --------------------------------------------------------------------- */

static bool trust_is_owner(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Whether others may write.  If so, *who names them for a message: everybody or a group. */
static bool trust_others_may_write(int descriptor, const struct stat *status, struct label *who)
{
	if (status->st_mode & S_IWOTH) {
		snprintf(who->text, sizeof(who->text), "everybody");
		return true;
	}
	if (!(status->st_mode & S_IWGRP))
		return false;
	if (trust_has_access_list(descriptor)) {
		snprintf(who->text, sizeof(who->text), "others, by an access control list,");
		return true;
	}
	if (trust_is_private_group(status->st_gid))
		return false;
	*who = trust_name_group(status->st_gid);
	return true;
}

static unsigned trust_mode(const struct stat *status)
{
	return status->st_mode & 07777u;
}

static int trust_check_inode(int descriptor, const struct stat *status, const char *what,
			     const char *path, struct bs_error *err)
{
	struct label who;

	if (!trust_is_owner(status->st_uid))
		return fail(err, BS_NOT_TRUSTED, "the %s %.200s belongs to %s and not to %s", what,
			    path, trust_name_user(status->st_uid).text,
			    geteuid() == 0 ? "root" : "you or root");
	if (trust_others_may_write(descriptor, status, &who))
		return fail(err, BS_NOT_TRUSTED, "%s may write to the %s %.200s (mode %04o)",
			    who.text, what, path, trust_mode(status));
	if (status->st_nlink > 1)
		return fail(
			err, BS_NOT_TRUSTED,
			"the %s %.200s has another name (a hard link), maybe of another user; a "
			"copy in its place would have none",
			what, path);
	return 0;
}

/* Whether nobody but root and the user can replace what is in the folder, by its owner and its mode. */
static bool trust_is_closed_folder(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
	       trust_is_owner(status.st_uid) &&
	       ((status.st_mode & S_ISVTX) || !(status.st_mode & (S_IWGRP | S_IWOTH)));
}

/* Checks a folder that may let others write.  Only then its access list matters, too. */
static int trust_check_open_folder(const char *path, struct bs_error *err)
{
	int descriptor = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	struct label who;
	int result = 0;

	if (descriptor < 0 || fstat(descriptor, &status) < 0)
		result = fail_system(err, "cannot look at the folder %.200s", path);
	else if (!trust_is_owner(status.st_uid))
		result = fail(err, BS_FOLDER_NOT_TRUSTED,
			      "the folder %.200s belongs to %s, who can replace what is in it",
			      path, trust_name_user(status.st_uid).text);
	else if (!(status.st_mode & S_ISVTX) && trust_others_may_write(descriptor, &status, &who))
		result = fail(err, BS_FOLDER_NOT_TRUSTED,
			      "%s may write to the folder %.200s (mode %04o), and so replace what "
			      "is in it",
			      who.text, path, trust_mode(&status));
	if (descriptor >= 0)
		close(descriptor);
	return result;
}

static int trust_check_one_folder(const char *path, struct bs_error *err)
{
	return trust_is_closed_folder(path) ? 0 : trust_check_open_folder(path, err);
}

/* ---- folders -------------------------------------------------------------------------------- */

int trust_check_folder(const char *path, struct bs_error *err)
{
	char *folder = realpath(path, NULL);
	int result;

	if (!folder)
		return fail_system(err, "cannot find the folder %.200s", path);
	result = trust_check_one_folder(folder, err);
	while (result == 0 && folder[1] != '\0') { /* ends: each turn removes a name */
		path_cut_name(folder);
		result = trust_check_one_folder(folder, err);
	}
	free(folder);
	return result;
}

static int trust_check_folder_of(const char *path, struct bs_error *err)
{
	char *folder = path_folder(path);
	int result;

	if (!folder)
		return fail_memory(err);
	result = trust_check_folder(folder, err);
	free(folder);
	return result;
}

/* ---- files ---------------------------------------------------------------------------------- */

int trust_check_file(int descriptor, const char *what, const char *path, struct bs_error *err)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return fail_errno(err, BS_IO, "cannot look at the %s %.200s", what, path);
	if (trust_check_inode(descriptor, &status, what, path, err) < 0)
		return -1;
	if (trust_check_folder_of(path, err) == 0)
		return 0;
	if (err->code == BS_FOLDER_NOT_TRUSTED) {
		err->code = BS_NOT_TRUSTED;
		fail_prefix(err, "the %s %.200s may have been put there by somebody else", what,
			    path);
	}
	return -1;
}

int trust_check_name(const char *what, const char *path, struct bs_error *err)
{
	int descriptor = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int result;

	if (descriptor < 0)
		return errno == ENOENT
			       ? 0
			       : fail_system(err, "cannot look at the %s %.200s", what, path);
	result = trust_check_file(descriptor, what, path, err);
	close(descriptor);
	return result;
}

int trust_check_new(int descriptor, const char *folder, struct bs_error *err)
{
	struct stat status;
	struct label who;

	if (fstat(descriptor, &status) < 0)
		return fail_errno(err, BS_IO, "cannot look at a new file in %.200s", folder);
	if (status.st_uid != geteuid())
		return fail(err, BS_FOLDER_NOT_TRUSTED,
			    "the file system gives new files in %.200s to %s", folder,
			    trust_name_user(status.st_uid).text);
	if (trust_others_may_write(descriptor, &status, &who))
		return fail(err, BS_FOLDER_NOT_TRUSTED,
			    "the file system makes new files in %.200s so that %s may write to "
			    "them (mode %04o)",
			    folder, who.text, trust_mode(&status));
	if (!(status.st_mode & S_IRUSR) || !(status.st_mode & S_IWUSR))
		return fail(err, BS_UNDO_FOLDER,
			    "new files in %.200s cannot be read and written by their owner (mode "
			    "%04o)",
			    folder, trust_mode(&status));
	return 0;
}

/* ---- files that the caller names ------------------------------------------------------------ */

static bool trust_is_descriptor(const char *path)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	if (strcmp(path, "/dev/stdin") == 0 || strcmp(path, "/dev/stdout") == 0)
		return true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t length = strlen(folders[i]);

		if (strncmp(path, folders[i], length) == 0 &&
		    path[length + strspn(path + length, "0123456789")] == '\0')
			return true;
	}
	return false;
}

bool trust_owner_may(const struct stat *first, const struct stat *other, mode_t access)
{
	mode_t group_access = access << 3; /* S_IRGRP for S_IROTH, see inode(7) */

	return first->st_uid == 0 || first->st_uid == geteuid() || first->st_uid == other->st_uid ||
	       (other->st_mode & access) ||
	       (first->st_gid == other->st_gid && (other->st_mode & group_access));
}

static int trust_check_input(int descriptor, const char *what, const char *path,
			     struct bs_error *err)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return fail_errno(err, BS_IO, "cannot look at the %s '%s'", what, path);
	if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ||
	    trust_check_file(descriptor, what, path, err) == 0)
		return 0;
	if (err->code == BS_NOT_TRUSTED)
		err->code = BS_INPUT_NOT_TRUSTED;
	return -1;
}

int trust_open_input(const char *what, const char *path, int flags, struct bs_error *err)
{
	bool is_open_already = trust_is_descriptor(path);
	int descriptor =
		open(path, flags | O_CLOEXEC | O_NOCTTY | (is_open_already ? 0 : O_NOFOLLOW));

	if (descriptor < 0 && errno == ELOOP)
		return fail(err, BS_INPUT_NOT_TRUSTED, "the %s '%s' is a symbolic link", what,
			    path);
	if (descriptor < 0)
		return fail_system(err, "the %s '%s' cannot be opened", what, path);
	if (is_open_already || trust_check_input(descriptor, what, path, err) == 0)
		return descriptor;
	close(descriptor);
	return -1;
}
