/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loop devices for tests.  The kernel removes a loop device when its descriptor is closed, so no
 * device stays after a test, even if the test crashes.
 */
#ifndef BOOTSHIFT_TEST_LOOP_H
#define BOOTSHIFT_TEST_LOOP_H

#include <stdbool.h>

#define LOOP_PATH_MAX 32

/*
 * Attaches a file.  The caller closes the descriptor; programs do not inherit it.  Returns -1 if
 * this process lacks the right or the system has no loop devices; then the test cannot run.
 */
int loop_attach(const char *file, bool read_only, char path[LOOP_PATH_MAX]);

/*
 * Adds or removes the first partition of the device; `start` and `length` are bytes.  The test must
 * remove the partition, because the kernel keeps a device with partitions.  Errors fail the test.
 */
void loop_add_partition(int descriptor, long long start, long long length);
void loop_remove_partition(int descriptor);

#endif
