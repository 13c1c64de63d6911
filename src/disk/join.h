/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several disks, one after the other, as one disk that can only be read. */
#ifndef BOOTSHIFT_JOIN_H
#define BOOTSHIFT_JOIN_H

#include "disk/disk.h"

/*
 * Returns a disk with the bytes of the `count` disks, at least one, in their order.  The caller
 * keeps the disks and the array open until the joined disk is closed.  NULL on error:
 * BS_OUT_OF_RANGE if the sum of the sizes is above INT64_MAX, BS_NO_MEMORY.
 */
MUST_CHECK struct disk *join_open(struct disk *const *disks, size_t count, struct bs_error *err);

#endif
