/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loop devices; the calls are described in loop(4), BLKPG in linux/blkpg.h. */
#include "support/loop.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/test.h"

static int attach(int control, int file, bool read_only, char path[LOOP_PATH_MAX])
{
	struct loop_config config = {.fd = (unsigned)file,
				     .info.lo_flags = LO_FLAGS_AUTOCLEAR |
						      (read_only ? LO_FLAGS_READ_ONLY : 0)};

	/* The loop repeats if another process took the free device first. */
	for (int turn = 0; turn < 100; turn++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), descriptor;

		snprintf(path, LOOP_PATH_MAX, "/dev/loop%d", number);
		descriptor = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
		if (descriptor < 0)
			return -1;
		if (ioctl(descriptor, LOOP_CONFIGURE, &config) == 0)
			return descriptor;
		close(descriptor);
	}
	return -1;
}

int loop_attach(const char *file, bool read_only, char path[LOOP_PATH_MAX])
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int image = open(file, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	int descriptor = -1;

	ck_assert_int_ge(image, 0);
	if (control >= 0)
		descriptor = attach(control, image, read_only, path);
	close(image);
	if (control >= 0)
		close(control);
	test_needs(descriptor >= 0, "loop devices");
	return descriptor;
}

static int change_partition(int descriptor, int operation, struct blkpg_partition partition)
{
	struct blkpg_ioctl_arg argument = {
		.op = operation, .datalen = sizeof(partition), .data = &partition};

	return ioctl(descriptor, BLKPG, &argument);
}

void loop_add_partition(int descriptor, long long start, long long length)
{
	struct blkpg_partition partition = {.start = start, .length = length, .pno = 1};

	/* Removes a partition that an earlier test has left, because it failed before its end. */
	(void)change_partition(descriptor, BLKPG_DEL_PARTITION, partition);
	ck_assert_int_eq(change_partition(descriptor, BLKPG_ADD_PARTITION, partition), 0);
}

void loop_remove_partition(int descriptor)
{
	ck_assert_int_eq(change_partition(descriptor, BLKPG_DEL_PARTITION,
					  (struct blkpg_partition){.pno = 1}),
			 0);
}
