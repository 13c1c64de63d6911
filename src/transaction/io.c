/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real table of system calls, and the few ways in which the tables are used. */
#include "transaction/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

static int transaction_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

const struct transaction_io transaction_real_io = {
	.open = transaction_open,
	.pwrite = pwrite,
	.fsync = fsync,
	.fallocate = fallocate,
	.ftruncate = ftruncate,
	.rename = rename,
	.unlink = unlink,
	.fsetxattr = fsetxattr,
	.fremovexattr = fremovexattr,
};

int transaction_write(const struct transaction_io *io, int descriptor, uint64_t offset,
		      const void *bytes, size_t length, const char *what, struct bs_error *err)
{
	const char *from = bytes;

	while (length > 0) {
		ssize_t written = io->pwrite(descriptor, from, length, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0) /* no error, no progress: waiting would never end */
			errno = EIO;
		if (written <= 0)
			return fail_system(err, "cannot write %s", what);
		from += written;
		offset += (uint64_t)written;
		length -= (size_t)written;
	}
	return 0;
}

int transaction_sync(const struct transaction_io *io, int descriptor, const char *what,
		     struct bs_error *err)
{
	if (io->fsync(descriptor) < 0)
		return fail_system(err, "cannot make %s durable", what);
	return 0;
}

int transaction_sync_folder(const struct transaction_io *io, const char *folder,
			    struct bs_error *err)
{
	int descriptor = io->open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int result;

	if (descriptor < 0)
		return fail_system(err, "cannot open folder %s", folder);
	result = transaction_sync(io, descriptor, folder, err);
	close(descriptor);
	return result;
}
