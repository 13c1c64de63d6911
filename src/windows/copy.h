/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying a file or a tree from volume to volume, with everything that describes it: streams,
 * attributes, security descriptor, extended attributes, names in their namespaces, and the four
 * times.  What stands at the target is replaced, never merged with.
 */
#ifndef BOOTSHIFT_COPY_H
#define BOOTSHIFT_COPY_H

#include "ntfs/volume.h"

/*
 * Copies `item` (a path on both volumes), after the folders on the way to it that the plan lists;
 * the others are there.  The plan's files are in the order of the walk: *cursor goes over those
 * that were copied, and each gets the SHA-256 of its content.  Errors: BS_CHANGED_MEANWHILE when
 * the source is not what the plan says, and those of the volumes.
 */
MUST_CHECK int copy_item(struct volume *source, struct volume *target, const char *item,
			 struct bs_plan *plan, uint32_t *cursor, struct bs_error *err);

#endif
