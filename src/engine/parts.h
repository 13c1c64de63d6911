/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of a disk that a VMDK only describes.  Which files these are is a claim of the VMDK, and
 * whoever made it may want others' files changed or read.  So each is a regular file in the folder of
 * the VMDK, and the owner of the VMDK has to have the right to do the same.
 */
#ifndef BOOTSHIFT_PARTS_H
#define BOOTSHIFT_PARTS_H

#include <sys/types.h>

#include "format/vmdk.h"
#include "transaction/target.h"

/*
 * Opens a file that the VMDK describes.  `access` is what the owner of the VMDK has to be allowed:
 * S_IWOTH, or S_IROTH if the disk is only read.  The caller closes the file.  NULL on error, with the
 * name of the file: BS_NOT_TRUSTED, BS_CHANGED_MEANWHILE, BS_FORMAT_UNSUPPORTED (not a regular file), those
 * of finding the file and of target_open().
 */
MUST_CHECK struct target *parts_open_named(const struct target *vmdk, const char *name,
					   mode_t access, struct bs_error *err);

/*
 * Makes the target the set of the files with these extents, which it describes.  Errors: those of
 * parts_open_named() and of target_join(); BS_CONTAINER_CORRUPT if a file has another length than the
 * extent demands, or has two names.
 */
MUST_CHECK int parts_open(struct target *target, const struct vmdk_extents *extents, mode_t access,
			  struct bs_error *err);

#endif
