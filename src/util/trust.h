/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks whether a file can be trusted: only the caller and root can have written its content, and
 * only they can have given the file its name.
 *
 * The rule:
 * - A file belongs to the caller (the effective user) or to root.  Nobody else may write to it.  It
 *   has one name only: a file with a second name may be the caller's file from another folder, to
 *   which somebody else made a hard link here.
 * - Each folder from the file's own up to the root folder belongs to the caller or to root.  Nobody
 *   else may write to it, unless it is sticky, like /tmp: in a sticky folder others can add files,
 *   but cannot remove or replace the caller's files.
 * - The caller's private group counts as the caller.  This is the primary group, if it has the
 *   caller's name and no other member.  Systems that give each user such a group make folders
 *   writable for it (umask 002).  Root has no private group, because root's group may have members.
 *
 * These are the strict modes of OpenSSH.  A file is checked through its open descriptor, so that
 * nobody can replace it between the check and the use.  Folders are checked by name, because nobody
 * else can change a name in a chain of folders that passes the check.
 */
#ifndef BOOTSHIFT_UTIL_TRUST_H
#define BOOTSHIFT_UTIL_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util/err.h"

/*
 * Checks an open file of a transaction, and the folders above `path`, an absolute path or one from
 * the working directory.  `what` is for messages: "undo file".  The descriptor may be opened
 * with O_PATH.  Errors: BS_NOT_TRUSTED with the name of the owner or the mode, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int trust_check_file(int descriptor, const char *what, const char *path,
				struct bs_error *err);

/*
 * Like trust_check_file(), for the file with this name.  Succeeds if no such file exists.  The
 * function does not follow links; the caller has excluded them.  Errors: also those of finding the
 * file.
 */
MUST_CHECK int trust_check_name(const char *what, const char *path, struct bs_error *err);

/*
 * Checks a folder, which must exist, and all folders above it.  Errors: BS_FOLDER_NOT_TRUSTED
 * with the name of the owner or the mode; those of finding the folder.
 */
MUST_CHECK int trust_check_folder(const char *path, struct bs_error *err);

/*
 * Checks a file that the caller has just made in `folder`: some file systems change the owner or
 * the permissions of new files.  Does not check the number of names.  Errors:
 * BS_FOLDER_NOT_TRUSTED; BS_UNDO_FOLDER if the caller could not open the file again; BS_IO.
 */
MUST_CHECK int trust_check_new(int descriptor, const char *folder, struct bs_error *err);

/*
 * Whether the owner of one file may access another file, so that it is no new right if the first
 * file names the other.  Root and the caller may access both.  `access` is S_IROTH or S_IWOTH.
 */
bool trust_owner_may(const struct stat *first, const struct stat *other, mode_t access);

/*
 * Opens a file that the user has named, with `flags` and O_CLOEXEC, and checks it like
 * trust_check_file().  Refuses a symbolic link.  Does not check devices, nor descriptors that are
 * open already (/dev/stdin, /dev/fd/N), because nobody else can have put them there.  Returns the
 * descriptor, or -1 on error: BS_INPUT_NOT_TRUSTED, and errors of opening.
 */
MUST_CHECK int trust_open_input(const char *what, const char *path, int flags,
				struct bs_error *err);

#endif
