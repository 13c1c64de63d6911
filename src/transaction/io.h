/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls with which a commit, a recovery or an undo makes a change, or makes it durable.
 *
 * The target and the journal make all of these calls through this table.  So a test can make each
 * call fail, stop after a call, or record the writes between two syncs.  Reads do not use the
 * table: they change nothing, and the program checks the bytes that it reads.
 */
#ifndef BOOTSHIFT_TRANSACTION_IO_H
#define BOOTSHIFT_TRANSACTION_IO_H

#include <sys/types.h>

#include "util/err.h"

/* Each member works like the system call of the same name, and sets errno. */
struct transaction_io {
	int (*open)(const char *path, int flags, mode_t mode); /* files for writing, and folders */
	ssize_t (*pwrite)(int descriptor, const void *bytes, size_t length, off_t offset);
	int (*fsync)(int descriptor);
	int (*fallocate)(int descriptor, int mode, off_t offset, off_t length);
	int (*ftruncate)(int descriptor, off_t length);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*fsetxattr)(int descriptor, const char *name, const void *value, size_t size,
			 int flags);
	int (*fremovexattr)(int descriptor, const char *name);
};

extern const struct transaction_io transaction_real_io;

/* Writes all bytes or fails.  `what` is the file's name in the error message. */
MUST_CHECK int transaction_write(const struct transaction_io *io, int descriptor, uint64_t offset,
				 const void *bytes, size_t length, const char *what,
				 struct bs_error *err);

/*
 * Makes the descriptor's file durable.  After a failure the descriptor must not be synced again:
 * the kernel reports a lost write once and then forgets it.
 */
MUST_CHECK int transaction_sync(const struct transaction_io *io, int descriptor, const char *what,
				struct bs_error *err);

/* Makes the names in a folder durable. */
MUST_CHECK int transaction_sync_folder(const struct transaction_io *io, const char *folder,
				       struct bs_error *err);

#endif
