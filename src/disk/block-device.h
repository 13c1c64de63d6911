/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts about block devices from /sys and /proc: names that stay the same, and who uses a device.
 * If a file there cannot be read, its facts are missing; this is not an error.
 */
#ifndef BOOTSHIFT_BLOCK_DEVICE_H
#define BOOTSHIFT_BLOCK_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

/*
 * Returns a name by which the device can be recognized later: the first of its names in
 * /dev/disk/by-id in the order of strcmp(); else, for a loop device, its file and its offset in the
 * file; else "major:minor".  The caller frees the name.  NULL: no memory.
 */
char *block_device_name(dev_t number);

/*
 * Fails with BS_IN_USE, and a message that names the use, when the file or device at `path` is
 * - attached to a loop device (unless `for_changing`: to a writable loop device),
 * - a device that is mounted or has a mounted partition (unless `for_changing`: mounted writable),
 * - a device that is a part of another device (device mapper, RAID) or has such a partition.
 * Other errors: BS_NOT_FOUND and BS_IO for the path.
 */
MUST_CHECK int block_device_check_free(const char *path, bool for_changing, struct bs_error *err);

#endif
