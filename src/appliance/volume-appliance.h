/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume that the appliance reads; see appliance-engine.h. */
#ifndef BOOTSHIFT_VOLUME_APPLIANCE_H
#define BOOTSHIFT_VOLUME_APPLIANCE_H

#include "appliance/request.h"
#include "volume/volume.h"

/*
 * Has the appliance mount a partition of `disk`, which the appliance sees.  A partition can be
 * mounted once at a time.  Errors: BS_NTFS_DAMAGED with the reason of libguestfs; BS_WORKER,
 * BS_NO_MEMORY.
 */
MUST_CHECK int volume_appliance_open(int channel, struct disk *disk,
				     const struct appliance_partition *partition,
				     struct volume **volume, struct bs_error *err);

#endif
