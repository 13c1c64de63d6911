/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

int io_write_all(int descriptor, const void *bytes, size_t length)
{
	const char *from = bytes;

	while (length > 0) {
		ssize_t written = write(descriptor, from, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		from += written;
		length -= (size_t)written;
	}
	return 0;
}

const char *io_temporary_folder(void)
{
	const char *folder = secure_getenv("TMPDIR");

	return folder && *folder != '\0' ? folder : "/tmp";
}

static int io_open_and_unlink(const char *folder, int flags)
{
	char *path;
	int descriptor;

	if (asprintf(&path, "%s/bootshift.XXXXXX", folder) < 0) {
		errno = ENOMEM;
		return -1;
	}
	descriptor = mkostemp(path, flags | O_CLOEXEC);
	if (descriptor >= 0 && unlink(path) < 0) {
		close(descriptor);
		descriptor = -1;
	}
	free(path);
	return descriptor;
}

int io_open_unnamed(const char *folder, int flags)
{
	int descriptor = open(folder, flags | O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return descriptor >= 0 ? descriptor : io_open_and_unlink(folder, flags);
}

/* Some blocks are kept for root. */
uint64_t io_free_space(int descriptor)
{
	struct statvfs status;

	if (fstatvfs(descriptor, &status) < 0)
		return UINT64_MAX;
	return (uint64_t)(geteuid() == 0 ? status.f_bfree : status.f_bavail) * status.f_frsize;
}

int io_reserve(int descriptor, int mode, uint64_t offset, uint64_t length)
{
	if (length == 0 || fallocate(descriptor, mode, (off_t)offset, (off_t)length) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	if (length <= io_free_space(descriptor))
		return 0;
	errno = ENOSPC;
	return -1;
}
