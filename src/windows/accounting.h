/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cluster accounting of the boot volume.  The free clusters, those of the boot files and those of
 * the metadata that grows with them always add up to the same sum.  If a cluster was lost, given
 * out twice or taken from another file, the sum differs.
 *
 * The sum proves this only if the volume's bitmap is right.  So before the staging, all records of
 * $MFT are compared with the bitmap: each cluster that a file has must be marked as used.  Then a
 * cluster marked as free belongs to no file, and an equal sum shows that a fix took only such
 * clusters.
 */
#ifndef BOOTSHIFT_ACCOUNTING_H
#define BOOTSHIFT_ACCOUNTING_H

#include "volume/volume.h"

struct accounting {
	uint64_t sum; /* clusters: the free ones, the boot files' and the metadata's */
	uint64_t end; /* end of the last held cluster, in bytes of the volume */
};

/*
 * Counts the free clusters and those of the plan's existing files, of the folders above them and of
 * the metadata.  Checks that each held cluster is marked as used and is held only once.  Errors:
 * BS_NTFS_DAMAGED when one is not.
 */
MUST_CHECK int accounting_take(struct volume *volume, const struct bs_plan *plan,
			       struct accounting *accounting, struct bs_error *err);

/*
 * Proves, before the staging, that the boot volume's bitmaps can be trusted: the bitmap of
 * clusters, and those of the blocks of each index that a fix changes.  The clusters of all files
 * are marked as used, and no file shares a cluster with a file that a fix replaces.  Sets *sum as
 * in struct accounting.  Errors: BS_NTFS_DAMAGED with what is wrong; the errors of the disk.
 */
MUST_CHECK int accounting_prove(struct disk *disk, const struct bs_plan *plan, uint64_t *sum,
				struct bs_error *err);

#endif
