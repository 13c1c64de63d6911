/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls by which a commit, a recovery or an undo changes something or makes it durable.
 *
 * All of these calls go through this table, which the target and the journal store, so that a test
 * can make each of them fail, stop after it, or record what was written between two syncs.  Reading
 * does not: it changes nothing, and what was read is checked.
 */
#ifndef BOOTSHIFT_TRANSACTION_IO_H
#define BOOTSHIFT_TRANSACTION_IO_H

#include <sys/types.h>

#include "util/err.h"

/* Each is the system call of its name, with errno. */
struct transaction_io {
	int (*open)(const char *path, int flags, mode_t mode); /* for writing, and of folders */
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

/* Writes all bytes or fails, naming `what`. */
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
