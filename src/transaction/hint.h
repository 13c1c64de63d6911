/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hint on a fixed image: an extended attribute with the path of the image's undo file.
 *
 * The undo file is found by the image's name and --undo-dir.  The hint tells a user what to type who
 * has moved, renamed or linked the image, or who forgot the folder.  It stays on the image until the
 * fix is undone.  The signpost (target.h) is another attribute: it says that the image may be half
 * written, and is gone when the fix is complete.
 *
 * The hint is shown, and never believed: anybody who can write to the image can set it, and a copy
 * of the image may have it, too.  No command writes anything because of a hint, and none fails
 * because a hint is missing, wrong, or cannot be set or removed.
 */
#ifndef BOOTSHIFT_TRANSACTION_HINT_H
#define BOOTSHIFT_TRANSACTION_HINT_H

#include "transaction/target.h"

#define HINT_ATTRIBUTE "user.bootshift.undo-file"

/*
 * Sets the hint of an image that is open for writing, or removes it.  The file's time of change
 * (st_mtime) stays.  Neither is durable before the next sync.  Failures are ignored.
 */
void hint_set(const struct target *image, const char *undo_file);
void hint_remove(const struct target *image);

/*
 * Returns the path in the hint.  NULL: there is no hint, its value cannot be the absolute path of an
 * undo file, or it cannot be read.  The caller frees the path.
 */
char *hint_read(const struct target *target);

#endif
