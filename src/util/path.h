/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splits and joins paths.  Paths of the host have slashes, paths of the guest have backslashes.
 * A guest's path begins with a backslash: "\Boot\BCD".
 */
#ifndef BOOTSHIFT_UTIL_PATH_H
#define BOOTSHIFT_UTIL_PATH_H

#include "bootshift.h"

/* The part behind the last slash, or all of a path without a slash.  Points into `path`. */
const char *path_name(const char *path);

/*
 * The part before the last slash, "/" for a file in the root folder, "." for a path without a
 * slash.  The caller frees it; NULL when memory runs out.
 */
char *path_folder(const char *path);

/* Removes the last name from a path, in place.  The path must have a slash. */
void path_cut_name(char *path);

/* The path of `name` in the folder of `path`.  The caller frees it; NULL when memory runs out. */
char *path_beside(const char *path, const char *name);

/* The part of a guest's path behind the last backslash.  Points into `path`. */
const char *guest_path_name(const char *path);

/* The part of a guest's path before the last backslash; "\" for a file in the root folder. */
void guest_path_folder(const char *path, char folder[BS_PATH_MAX]);

#endif
