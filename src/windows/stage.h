/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Staging: carries a plan's operations out, in their order, on a disk that is not durable yet. */
#ifndef BOOTSHIFT_STAGE_H
#define BOOTSHIFT_STAGE_H

#include "disk/disk.h"
#include "ntfs/volume.h"

/* Told when operation `index` is done and all that it wrote is on the disk. */
typedef int stage_progress(void *context, uint32_t index, struct bs_error *err);

/*
 * Fills in what only doing it tells: the hashes of the plan's files.  accounting_prove() has been
 * called before.  Errors: those of the volumes; BS_CHANGED_MEANWHILE when the disk is not what the
 * plan says.
 */
MUST_CHECK int stage_run(struct disk *disk, struct bs_plan *plan, stage_progress *progress,
			 void *context, struct bs_error *err);

/* The attributes that the copied folder gets, as the published cure has it (attrib +r +h +s). */
#define STAGE_FOLDER_ATTRIBUTES (FILE_IS_READ_ONLY | FILE_IS_HIDDEN | FILE_IS_SYSTEM)

#endif
