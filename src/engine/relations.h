/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file is the parent of another, or a part of it: see bs_relations in bootshift.h. */
#ifndef BOOTSHIFT_RELATIONS_H
#define BOOTSHIFT_RELATIONS_H

#include "util/err.h"

/*
 * Sets *child to the path of a file that holds only the changes to the image, or to another disk that has
 * a file of the image; NULL: none is known.  The path belongs to the relations.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int relations_child(const struct bs_relations *relations, const char *image,
			       const char **child, struct bs_error *err);

/* Fails with BS_CONTAINER_HAS_CHILDREN: `child` is the path of a child of the image. */
int relations_fail_child(const char *child, struct bs_error *err);

/*
 * Checks that no known file depends on the image, so that the image may be changed.  If `relations`
 * is NULL, the function looks through the folders of both paths.  `image` is the path that the user
 * gave, `target` the path of the file that would be changed; both may name the same file.  Errors:
 * BS_CONTAINER_HAS_CHILDREN, BS_CONTAINER_PART, BS_NO_MEMORY.
 */
MUST_CHECK int relations_check(const struct bs_relations *relations, const char *image,
			       const char *target, struct bs_error *err);

#endif
