/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying a file or a tree from volume to volume, with everything that describes it: streams,
 * attributes, security descriptor, extended attributes, names in their namespaces, and the four
 * times.  The copy replaces what is at the target; the two are never merged.
 */
#ifndef BOOTSHIFT_COPY_H
#define BOOTSHIFT_COPY_H

#include "volume/volume.h"

/*
 * Copies `item` (a path on both volumes).  First copies the folders above it that the plan lists;
 * all other folders exist on the target.  The plan's files are in the order of the walk: the
 * function moves *cursor past the files that it copied, and stores the SHA-256 of each one's
 * content.  Errors: BS_CHANGED_MEANWHILE when the source is not what the plan says, and those of
 * the volumes.
 */
MUST_CHECK int copy_item(struct volume *source, struct volume *target, const char *item,
			 struct bs_plan *plan, uint32_t *cursor, struct bs_error *err);

#endif
