/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file is the parent of another, or a part of it: see bs_relations in bootshift.h. */
#ifndef BOOTSHIFT_RELATIONS_H
#define BOOTSHIFT_RELATIONS_H

#include "util/err.h"

/* The path of a file that holds only the changes to the image; NULL: none is known. */
const char *relations_child(const struct bs_relations *relations, const char *image);

/*
 * Whether the image may be changed for all that is known of the files around it.  `relations` may
 * be NULL: then the folders of both paths are looked through.  `image` is the path that the user
 * gave, `target` that of the file that would be changed; the two may be the same file.  Errors:
 * BS_CONTAINER_HAS_CHILDREN, BS_CONTAINER_PART, BS_NO_MEMORY.
 */
MUST_CHECK int relations_check(const struct bs_relations *relations, const char *image,
			       const char *target, struct bs_error *err);

#endif
