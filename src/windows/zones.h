/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The places of a disk that change as soon as somebody starts it or mounts one of its two volumes.
 * An undo compares them to find out whether the image is as the fix left it.
 */
#ifndef BOOTSHIFT_ZONES_H
#define BOOTSHIFT_ZONES_H

#include "disk/disk.h"
#include "volume/volume.h"

/*
 * Adds these zones, in bytes of the disk: sector 0; and for the system and the boot volume, the
 * boot record and its copy, the records 0 to 15 of $MFT, the restart pages of $LogFile, and
 * $Bitmap.  For a system volume that is FAT: its start, with the boot record and the first file
 * allocation table, up to 512 KiB.
 */
MUST_CHECK int zones_collect(struct disk *disk, const struct bs_plan *plan,
			     struct range_vector *zones, struct bs_error *err);

#endif
