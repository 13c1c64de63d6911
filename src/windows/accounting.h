/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cluster accounting of the boot volume: what is free, and what is held by the boot files and by
 * the metadata that grows with them, always add up to the same sum.  A cluster that was lost,
 * given out twice or taken from another file shows as a difference, without a look at every
 * file of the volume.
 */
#ifndef BOOTSHIFT_ACCOUNTING_H
#define BOOTSHIFT_ACCOUNTING_H

#include "windows/volume.h"

/*
 * *sum = the free clusters, and those of the boot files and of the metadata; they are also
 * checked: marked as used, and held once.  Errors: BS_NTFS_DAMAGED when they are not.
 */
MUST_CHECK int accounting_sum(struct volume *volume, uint64_t *sum, struct bs_error *err);

#endif
