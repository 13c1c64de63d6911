/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells about block devices: names that stay, and who uses them.  All of it comes
 * from /sys and /proc; where these are not to be seen, it knows less and says so.
 */
#ifndef BOOTSHIFT_TRANSACTION_BLOCK_DEVICE_H
#define BOOTSHIFT_TRANSACTION_BLOCK_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

/*
 * The name by which a device is known again: of its names in /dev/disk/by-id the first one in the
 * order of strcmp(); of a loop device its file and where it begins in it; else "major:minor".  The
 * caller frees it.  NULL: no memory.
 */
char *block_device_name(dev_t number);

/*
 * Fails with BS_IN_USE, saying by what, when the file or device at `path` is
 * - attached to a loop device (for reading: to one that can be written),
 * - a device that is mounted, or has a mounted partition (for reading: mounted writable),
 * - a device that another one is made of (device mapper, RAID), or has a partition that is.
 * Other errors: BS_NOT_FOUND and BS_IO for the path.
 */
MUST_CHECK int block_device_check_free(const char *path, bool for_changing, struct bs_error *err);

#endif
