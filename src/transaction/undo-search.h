/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Searches for the undo file of an image that has none at its place.  The result is for messages and
 * advice: no command uses an undo file that its user has not named.
 */
#ifndef BOOTSHIFT_TRANSACTION_UNDO_SEARCH_H
#define BOOTSHIFT_TRANSACTION_UNDO_SEARCH_H

#include "transaction/target.h"

struct undo_search {
	char *hint; /* what the image itself says (hint.h); NULL: nothing */
	/*
	 * An undo file that may be that of the image: `hint`, if that file is there, or else a file
	 * in a folder whose header has the inode or the name of the image.  NULL: none was found.
	 */
	char *found;
};

/*
 * Looks for the hint's file, then in `folder` and in the folder of the image.  Of each folder the
 * first 10,000 names are looked at.  Undo files that another user may have made do not count.
 * Failures count as nothing found.  The caller ends with undo_search_free().
 */
void undo_search(const struct target *target, const char *folder, struct undo_search *search);
void undo_search_free(struct undo_search *search);

/*
 * Returns whether the undo file was made for this very file, and not for one of which this is a
 * copy, or which was moved here from another file system.  An undo removes the undo file, which the
 * original of a copy still needs.
 */
bool undo_search_is_own(const struct target *target, const char *undo_file);

#endif
