/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image_open() checks the kind of the file twice: before the open, because opening a device can
 * have effects (rewind a tape, start a watchdog), and after the open, because another file may have
 * taken the path in between.
 */
#include "disk/image.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int image_check_kind(const struct stat *status, struct bs_error *err)
{
	switch (status->st_mode & S_IFMT) {
	case S_IFREG:
		if (status->st_size == 0)
			return fail(err, BS_NOT_AN_IMAGE, "is empty");
		return 0;
	case S_IFDIR:
		return fail(err, BS_NOT_AN_IMAGE, "is a folder");
	case S_IFBLK:
		return 0;
	case S_IFCHR:
		return fail(err, BS_NOT_AN_IMAGE, "is a character device");
	case S_IFIFO:
		return fail(err, BS_NOT_AN_IMAGE, "is a pipe");
	case S_IFSOCK:
		return fail(err, BS_NOT_AN_IMAGE, "is a socket");
	default:
		return fail(err, BS_NOT_AN_IMAGE, "is not a regular file");
	}
}

static int image_fail_open(struct bs_error *err)
{
	static const char message[] = "cannot be opened";

	if (errno == ENXIO || errno == ENOMEDIUM) /* a drive without a medium */
		return fail_errno(err, BS_NOT_FOUND, message);
	if (errno == EWOULDBLOCK) /* another process has a lease on the file */
		return fail_errno(err, BS_IN_USE, message);
	return fail_system(err, message);
}

int image_open(const char *path, int *descriptor, struct stat *status, struct bs_error *err)
{
	int opened = -1;
	int result = -1;

	if (stat(path, status) < 0) {
		image_fail_open(err);
		goto out;
	}
	if (image_check_kind(status, err) < 0)
		goto out;
	/* O_NONBLOCK: a pipe may have replaced the file.  Regular files ignore the flag. */
	opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (opened < 0 || fstat(opened, status) < 0) {
		image_fail_open(err);
		goto out;
	}
	if (image_check_kind(status, err) < 0)
		goto out;
	*descriptor = opened;
	opened = -1;
	result = 0;
out:
	if (opened >= 0)
		close(opened);
	return result;
}
