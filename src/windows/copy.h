/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying a file or a tree from volume to volume, with everything that describes it: streams,
 * attributes, security descriptor, extended attributes, names in their namespaces, and the four
 * times.  A copy from a FAT volume inherits its descriptor from the folder on the target.  The copy replaces what is at the target; the two are never merged.
 */
#ifndef BOOTSHIFT_COPY_H
#define BOOTSHIFT_COPY_H

#include "volume/tree.h"

/*
 * Copies `item` (a path on both volumes).  First copies the folders above it that the plan lists;
 * all other folders exist on the target.  The plan's files are in the order of the walk: the
 * function moves *cursor past the files that it copied, and stores the SHA-256 of each one's
 * content.  Errors: BS_CHANGED_MEANWHILE when the source is not what the plan says, and those of
 * the volumes.
 */
MUST_CHECK int copy_item(struct volume *source, struct volume *target, const char *item,
			 struct bs_plan *plan, uint32_t *cursor, struct bs_error *err);

/*
 * Makes an item anew: as copy_item(), but the originals are on the same volume, where rebuild_visit()
 * finds them.  Stops before the BCD.
 */
MUST_CHECK int copy_new_item(struct volume *volume, const char *item, struct bs_plan *plan,
			     uint32_t *cursor, struct bs_error *err);

/* Makes the new BCD, of the plan's elements.  It is the plan's file at *cursor. */
MUST_CHECK int copy_new_store(struct volume *volume, struct bs_plan *plan, uint32_t *cursor,
			      struct bs_error *err);

/*
 * Reads the security descriptor that the copy of a file has to have on the target.  It is that of
 * the file.  Files of a volume without descriptors inherit one from the folder on the target
 * (inherit.h).  The caller frees *descriptor.  Errors: those of the volumes and of
 * inherit_descriptor().
 */
MUST_CHECK int copy_find_security(const struct tree_visit *source, struct volume *target,
				  uint8_t **descriptor, size_t *size, struct bs_error *err);

#endif
