/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel reports about block devices in /sys and /proc: names that stay the same, and who
 * uses a device.  Where these cannot be read, less is known: no error.
 */
#ifndef BOOTSHIFT_BLOCK_DEVICE_H
#define BOOTSHIFT_BLOCK_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

/*
 * Returns a name by which the device can be recognized later: of its names in /dev/disk/by-id the
 * first one by strcmp(); for a loop device its file and its offset in the file; otherwise
 * "major:minor".  The caller frees it.  NULL: no memory.
 */
char *block_device_name(dev_t number);

/*
 * Fails with BS_IN_USE, and says by what, when the file or device at `path` is
 * - attached to a loop device (for reading: to one that can be written),
 * - a device that is mounted, or has a mounted partition (for reading: mounted writable),
 * - a device that is a part of another one (device mapper, RAID), or has a partition that is.
 * Other errors: BS_NOT_FOUND and BS_IO for the path.
 */
MUST_CHECK int block_device_check_free(const char *path, bool for_changing, struct bs_error *err);

#endif
