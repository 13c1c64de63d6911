/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several disks, one after the other, as one disk that can only be read.  A disk may have room for
 * more bytes than it has; these read as zeros.
 */
#ifndef BOOTSHIFT_JOIN_H
#define BOOTSHIFT_JOIN_H

#include "disk/disk.h"

struct join_part {
	struct disk *disk;
	uint64_t room; /* bytes that the disk takes of the joined one; at least its size */
};

/*
 * Returns a disk with the bytes of the `count` disks, which may be none, in their order.  The caller
 * keeps the disks and the array open until the joined disk is closed.  NULL on error:
 * BS_OUT_OF_RANGE if the sum of the rooms is above INT64_MAX, BS_NO_MEMORY.
 */
MUST_CHECK struct disk *join_open(const struct join_part *parts, size_t count,
				  struct bs_error *err);

#endif
