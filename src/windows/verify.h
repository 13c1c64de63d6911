/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verification: opens a fixed disk afresh, staged or committed, and compares the result with the
 * plan and with the system volume, which a fix never writes.
 */
#ifndef BOOTSHIFT_VERIFY_H
#define BOOTSHIFT_VERIFY_H

#include "volume/volume.h"

/*
 * Verifies the engine's disk.  `clusters` is the sum of the cluster accounting before the fix; it
 * is compared only if the engine's volumes have internals.  Errors: BS_VERIFY with what is wrong;
 * BS_NTFS_DAMAGED when a volume's own structures are wrong; BS_BEYOND_REACH when all is right, but
 * lies where boot code cannot read it; the errors of the disk.
 */
MUST_CHECK int verify_run(const struct volume_engine *engine, const struct bs_plan *plan,
			  const struct bs_options *options, uint64_t clusters,
			  struct bs_error *err);

#endif
