/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a file may be believed: only if nobody but the caller and root can have written its
 * content, or can have given it its name.
 *
 * The rule:
 * - A file belongs to the caller (the effective user) or to root, nobody else may write to it, and
 *   it has one name only.  A file with a second name may be a file of ours from another folder that
 *   somebody linked here.
 * - Each folder from the file's own up to the root folder belongs to the caller or to root.  Nobody
 *   else may write to it, unless it is sticky, as /tmp is: there others can add files, but cannot
 *   remove or replace ours.
 * - The caller's private group counts as the caller: the primary group, with the caller's name and
 *   without any other member.  Systems that give each user such a group make folders writable for
 *   it (umask 002).  Root has no private group, because others are put into root's.
 *
 * These are the strict modes of OpenSSH.  Open descriptors are checked, not names, so a file cannot
 * change its owner between the check and the use.  Folders are checked by name: in a chain of
 * folders that passes the check nobody else can change a name.
 */
#ifndef BOOTSHIFT_UTIL_TRUST_H
#define BOOTSHIFT_UTIL_TRUST_H

#include "util/err.h"

/*
 * Checks an open file of a transaction, and the folders above `path`, which is an absolute path or
 * one from the working directory.  `what` is for messages: "undo file".  The descriptor may be one
 * of O_PATH.  Errors: BS_NOT_TRUSTED with the name of the owner or the mode, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int trust_check_file(int descriptor, const char *what, const char *path,
				struct bs_error *err);

/*
 * The same for the file with this name, if there is one.  A link is not followed, so the caller has
 * excluded links.  Errors: as above, and those of finding the file.
 */
MUST_CHECK int trust_check_name(const char *what, const char *path, struct bs_error *err);

/*
 * Checks a folder, which must be there, and all folders above it.  Errors: BS_FOLDER_NOT_TRUSTED
 * with the name of the owner or the mode; those of finding the folder.
 */
MUST_CHECK int trust_check_folder(const char *path, struct bs_error *err);

/*
 * Checks a file that was just made in a folder: some file systems change the owner or the
 * permissions of new files.  The number of names does not matter.  Errors: BS_FOLDER_NOT_TRUSTED;
 * BS_UNDO_FOLDER if the caller could not open the file again; BS_IO.
 */
MUST_CHECK int trust_check_new(int descriptor, const char *folder, struct bs_error *err);

/*
 * Opens a file that the caller has named, with `flags` besides O_CLOEXEC, and checks it as above.
 * A symbolic link is refused.  Devices are not checked, nor is a descriptor that the caller already
 * has and names (/dev/stdin, /dev/fd/N): nobody else can have put it there.  Returns the descriptor,
 * or -1 on error: BS_INPUT_NOT_TRUSTED, and errors of opening.
 */
MUST_CHECK int trust_open_input(const char *what, const char *path, int flags,
				struct bs_error *err);

#endif
