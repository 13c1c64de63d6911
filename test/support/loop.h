/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loop devices for tests.  A device exists as long as its descriptor is open, so it ends with the
 * test, even if the test fails.
 */
#ifndef BOOTSHIFT_TEST_LOOP_H
#define BOOTSHIFT_TEST_LOOP_H

#include <stdbool.h>

#define LOOP_PATH_MAX 32

/*
 * Attaches a file to a loop device.  The caller closes the descriptor, which programs do not
 * inherit. Returns -1 if this process may not attach files, or if the system has no loop devices.
 */
int loop_attach(const char *file, bool read_only, char path[LOOP_PATH_MAX]);

/*
 * Makes a part of the device, in bytes, its first partition, or removes the partition.  The test
 * fails on an error.  The caller removes the partition before the end: a device with partitions
 * stays.
 */
void loop_add_partition(int descriptor, long long start, long long length);
void loop_remove_partition(int descriptor);

#endif
