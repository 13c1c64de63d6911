/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of what is not as a fix left it: one item for each file, and items about the disk. */
#ifndef BOOTSHIFT_DIFFERENCES_H
#define BOOTSHIFT_DIFFERENCES_H

#include "util/vector.h"

DEFINE_VECTOR(differences, struct bs_difference);

/*
 * Adds to the list that `what` differs at `path`; an empty path means the disk.  If the list has
 * the file already, the words are added to that item, which is expected only if all of them are.
 * A full list (BS_DIFFERENCES_MAX) gives up an expected item for one that is not.  Errors:
 * BS_NO_MEMORY.
 */
MUST_CHECK int differences_note(struct differences *differences, const char *path, const char *what,
				bool expected, struct bs_error *err);

/* The first item that is not expected; NULL: there is none, so the fix is whole. */
const struct bs_difference *differences_first_broken(const struct differences *differences);

/* How many items are not expected. */
size_t differences_count_broken(const struct differences *differences);

/* Whether a file is in the list. */
bool differences_have(const struct differences *differences, const char *path);

/*
 * The index of the first item that is not the same in both lists, or that only one list has.  If
 * the lists are equal, the number of their items.
 */
size_t differences_compare(const struct differences *one, const struct differences *other);

struct difference_text {
	char text[420];
};

/* For a message: "PATH (WHAT)", or only "WHAT" if the item is about the disk. */
struct difference_text differences_describe(const struct bs_difference *item);

/* The same for the item with an index; "nothing more" if the list ends before it. */
struct difference_text differences_describe_at(const struct differences *differences, size_t index);

#endif
