/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine over libguestfs: NTFS and FAT volumes that the appliance reads.  It runs in the client,
 * a confined worker.  The volumes can only be read, and have no internals.
 *
 * ntfs-3g in the appliance tells most properties of a file as extended attributes.  Of a file's
 * names it tells too little, so they come from the file's record, which ntfs-3g shows as a part of
 * the file \$MFT.  The kernel in the appliance, which reads FAT, tells neither attributes nor the
 * time of creation, but the place of a file's entry.  The client reads the entry from its disk.
 */
#ifndef BOOTSHIFT_APPLIANCE_ENGINE_H
#define BOOTSHIFT_APPLIANCE_ENGINE_H

#include "appliance/request.h"
#include "volume/volume.h"

struct appliance_engine {
	struct volume_engine base;
	int channel; /* the client's end, borrowed */
	uint32_t partition_count;
	struct appliance_partition partitions[BS_PARTITIONS_MAX]; /* that parted finds */
};

/*
 * Makes an engine for `disk`, which the appliance at the other end of `channel` sees.  A disk
 * without a partition table has no partitions.  Errors: BS_WORKER, BS_NO_MEMORY.
 */
MUST_CHECK int appliance_engine_open(struct appliance_engine *engine, struct disk *disk,
				     int channel, struct bs_error *err);

#endif
