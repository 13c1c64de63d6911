/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cluster accounting of the boot volume: what is free, and what is held by the boot files and by
 * the metadata that grows with them, always add up to the same sum.  A cluster that was lost,
 * given out twice or taken from another file shows as a difference.
 *
 * That holds only for a volume whose bitmap is right.  So before anything is staged all records of
 * $MFT are held against the bitmap: each cluster that a file has is marked as used.  Then a cluster
 * that was free before belongs to nobody, and the sum says that only such clusters were taken.
 */
#ifndef BOOTSHIFT_ACCOUNTING_H
#define BOOTSHIFT_ACCOUNTING_H

#include "ntfs/volume.h"

struct accounting {
	uint64_t sum; /* clusters: those free, those of the boot files and of the metadata */
	uint64_t end; /* bytes of the volume: where the last of the held ones ends */
};

/*
 * Counts for the files of a plan, as far as they are there, and the folders on the way to them.
 * The clusters that they hold are also checked: marked as used, and held once.  Errors:
 * BS_NTFS_DAMAGED when they are not.
 */
MUST_CHECK int accounting_take(struct volume *volume, const struct bs_plan *plan,
			       struct accounting *accounting, struct bs_error *err);

/*
 * Proves, before the staging, that the boot volume's accounts of what is free can be trusted: of
 * clusters, and of the blocks of those indexes that a fix changes.  No other file has a cluster of
 * what a fix replaces, and the clusters of all files are marked as used.  *sum is that of struct
 * accounting.  Errors: BS_NTFS_DAMAGED with what is wrong; what the disk says.
 */
MUST_CHECK int accounting_prove(struct disk *disk, const struct bs_plan *plan, uint64_t *sum,
				struct bs_error *err);

#endif
