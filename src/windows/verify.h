/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verification: opens a fixed disk afresh, staged or committed, and proves the result against
 * the plan and against the system volume, which a fix never writes.
 */
#ifndef BOOTSHIFT_VERIFY_H
#define BOOTSHIFT_VERIFY_H

#include "disk/disk.h"

/*
 * `clusters` is the sum of the cluster accounting before the fix.  Errors: BS_VERIFY with what is
 * not as it must be; BS_NTFS_DAMAGED when a volume's own structures are what is wrong;
 * BS_BEYOND_REACH when all is, but boot code could not read it there; what the disk says.
 */
MUST_CHECK int verify_run(struct disk *disk, const struct bs_plan *plan,
			  const struct bs_options *options, uint64_t clusters,
			  struct bs_error *err);

#endif
