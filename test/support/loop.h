/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loop devices for tests.  One is there as long as its descriptor is open, so that it ends with the
 * test, however that ended.
 */
#ifndef BOOTSHIFT_TEST_LOOP_H
#define BOOTSHIFT_TEST_LOOP_H

#include <stdbool.h>

#define LOOP_PATH_MAX 32

/*
 * Attaches a file; the caller closes the descriptor, which is not inherited by programs.  -1 where
 * this process may not do so, or the system has none: then there is nothing to test.
 */
int loop_attach(const char *file, bool read_only, char path[LOOP_PATH_MAX]);

/*
 * Makes a part of the device, in bytes, its first partition, and takes that away, which must be
 * done before the end: a device with partitions stays.  The test fails where it cannot.
 */
void loop_add_partition(int descriptor, long long start, long long length);
void loop_remove_partition(int descriptor);

#endif
