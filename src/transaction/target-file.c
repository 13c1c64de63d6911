/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets behind a descriptor: regular files, and block devices.
 *
 * A device is a file of fixed length without holes.  It is written through the page cache, whose
 * pages the kernel fills first where a write covers only a part of the device's blocks.  It is not
 * opened with O_EXCL here: the lock holds that, and it would keep out ourselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"
#include "transaction/block-device.h"
#include "transaction/reread.h"
#include "transaction/target.h"
#include "transaction/watch.h"

#define SIGNPOST     TARGET_SIGNPOST
#define SIGNPOST_MAX 65536 /* bytes; the longest value that Linux knows (XATTR_SIZE_MAX) */

struct file_target {
	struct target target;
	int descriptor;
	int watch; /* of a file open for writing; -1 when there is none */
};

static int descriptor_of(const struct target *target)
{
	return ((const struct file_target *)target)->descriptor;
}

/* ---- what it is ----------------------------------------------------------------------------- */

static int file_look(const struct target *target, struct target_status *status,
		     struct bs_error *err)
{
	struct stat stat;

	if (fstat(descriptor_of(target), &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	*status = (struct target_status){
		.length = (uint64_t)stat.st_size,
		.device = stat.st_dev,
		.inode = stat.st_ino,
		.modified = stat.st_mtim,
		.changed = stat.st_ctim,
		.mode = stat.st_mode & 0666,
	};
	return 0;
}

static int device_look(const struct target *target, struct target_status *status,
		       struct bs_error *err)
{
	off_t length = lseek(descriptor_of(target), 0, SEEK_END);
	struct stat stat;

	if (length < 0 || fstat(descriptor_of(target), &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	*status = (struct target_status){
		.length = (uint64_t)length, .device = stat.st_rdev, .mode = 0600};
	return 0;
}

static char *file_identity(const struct target *target)
{
	return strdup(target->name);
}

static char *device_identity(const struct target *target)
{
	char *name = block_device_name(target->status.device);
	char *identity = NULL;

	if (name &&
	    asprintf(&identity, "%s %llu", name, (unsigned long long)target->status.length) < 0)
		identity = NULL;
	free(name);
	return identity;
}

/* Its owner means it, also towards root, whom the kernel would let. */
static bool nobody_may_write(const struct stat *stat)
{
	return (stat->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0;
}

static int file_check_writable(const struct target *target, struct bs_error *err)
{
	struct stat stat;

	if (fstat(descriptor_of(target), &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	if (nobody_may_write(&stat))
		return fail(err, BS_READ_ONLY, "the file is marked read-only");
	if (faccessat(AT_FDCWD, target->name, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return fail(err, BS_READ_ONLY, "the file system is read-only");
	return fail_errno(err, BS_NO_PERMISSION, "the file cannot be written");
}

static int device_check_writable(const struct target *target, struct bs_error *err)
{
	int read_only = 0;

	if (ioctl(descriptor_of(target), BLKROGET, &read_only) == 0 && read_only)
		return fail(err, BS_READ_ONLY, "the device is read-only");
	return file_check_writable(target, err);
}

/* ---- changing it ---------------------------------------------------------------------------- */

static bool not_supported(int number)
{
	return number == EOPNOTSUPP || number == ENOSYS;
}

static int file_write(struct target *target, uint64_t offset, const void *bytes, size_t length,
		      struct bs_error *err)
{
	return transaction_write(target->io, descriptor_of(target), offset, bytes, length,
				 TARGET_WHAT, err);
}

static int file_sync(struct target *target, struct bs_error *err)
{
	return transaction_sync(target->io, descriptor_of(target), TARGET_WHAT, err);
}

static int file_seek(const struct target *target, uint64_t position, int whence, uint64_t *found,
		     struct bs_error *err)
{
	off_t offset = lseek(descriptor_of(target), (off_t)position, whence);

	if (offset >= 0)
		*found = (uint64_t)offset;
	else if (errno == ENXIO)
		*found = disk_size(target->disk);
	else if (errno == EINVAL) /* holes are not known here: all is data */
		*found = whence == SEEK_DATA ? position : disk_size(target->disk);
	else
		return fail_errno(err, BS_IO, "cannot look for holes in " TARGET_WHAT);
	return 0;
}

static int file_reserve(struct target *target, uint64_t offset, uint64_t length,
			struct bs_error *err)
{
	if (target->io->fallocate(descriptor_of(target), FALLOC_FL_KEEP_SIZE, (off_t)offset,
				  (off_t)length) == 0 ||
	    not_supported(errno))
		return 0;
	return fail_system(err, "cannot reserve space in " TARGET_WHAT);
}

static int file_punch(struct target *target, uint64_t offset, uint64_t length, bool *punched,
		      struct bs_error *err)
{
	*punched = target->io->fallocate(descriptor_of(target),
					 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
					 (off_t)length) == 0;
	if (*punched || not_supported(errno))
		return 0;
	return fail_system(err, "cannot punch a hole into " TARGET_WHAT);
}

static int file_set_length(struct target *target, uint64_t length, struct bs_error *err)
{
	if (target->io->ftruncate(descriptor_of(target), (off_t)length) < 0)
		return fail_system(err, "cannot set the length of %s", TARGET_WHAT);
	return 0;
}

/* ---- the signpost --------------------------------------------------------------------------- */

/* It is worth having, but no reason to fail: without it only --undo-dir has to be remembered. */
static bool has_no_signposts(int number)
{
	return not_supported(number) || number == ENOSPC || number == EDQUOT || number == E2BIG ||
	       number == EPERM || number == EACCES; /* the file can be written, attributes cannot */
}

static int file_set_signpost(struct target *target, const char *journal, struct bs_error *err)
{
	if (target->io->fsetxattr(descriptor_of(target), SIGNPOST, journal, strlen(journal), 0) < 0)
		return has_no_signposts(errno)
			       ? 0
			       : fail_system(err, "cannot set the attribute " SIGNPOST " of %s",
					     TARGET_WHAT);
	return file_sync(target, err);
}

/* A signpost that is there means that the image may be half written: so its removal counts. */
static int file_remove_signpost(struct target *target, struct bs_error *err)
{
	if (target->io->fremovexattr(descriptor_of(target), SIGNPOST) == 0)
		return file_sync(target, err);
	if (errno == ENODATA || not_supported(errno))
		return 0;
	return fail_system(err, "cannot remove the attribute " SIGNPOST " of " TARGET_WHAT);
}

static int file_read_signpost(const struct target *target, char **journal, struct bs_error *err)
{
	char *value = calloc(1, SIGNPOST_MAX + 1);
	ssize_t length;

	if (!value)
		return fail_memory(err);
	length = fgetxattr(descriptor_of(target), SIGNPOST, value, SIGNPOST_MAX);
	if (length >= 0) {
		*journal = value;
		return 0;
	}
	free(value);
	if (errno == ENODATA || not_supported(errno))
		return 0;
	return fail_errno(err, BS_IO, "cannot read the attribute " SIGNPOST " of " TARGET_WHAT);
}

static bool file_others_wrote(struct target *target)
{
	return watch_saw_others(((const struct file_target *)target)->watch);
}

static void file_close(struct target *target)
{
	int watch = ((const struct file_target *)target)->watch;

	if (watch >= 0)
		close(watch);
	disk_close(target->disk);
	if (descriptor_of(target) >= 0)
		close(descriptor_of(target)); /* synced, or its sync failed, or never written */
	free(target->name);
	free(target);
}

static const struct target_operations file_operations = {
	.look = file_look,
	.check_writable = file_check_writable,
	.identity = file_identity,
	.write = file_write,
	.sync = file_sync,
	.seek = file_seek,
	.reserve = file_reserve,
	.punch = file_punch,
	.set_length = file_set_length,
	.set_signpost = file_set_signpost,
	.remove_signpost = file_remove_signpost,
	.read_signpost = file_read_signpost,
	.others_wrote = file_others_wrote,
	.close = file_close,
};

static const struct target_operations device_operations = {
	.look = device_look,
	.check_writable = device_check_writable,
	.identity = device_identity,
	.write = file_write,
	.sync = file_sync,
	.close = file_close,
};

/* ---- opening it ----------------------------------------------------------------------------- */

/* Opens for writing what is now under the name of `target`: the descriptor, or -1. */
static int open_for_writing(const struct target *target, const struct transaction_io *io,
			    struct bs_error *err)
{
	struct stat stat;
	int descriptor;

	if (lstat(target->name, &stat) < 0)
		return fail_system(err, "cannot find " TARGET_WHAT);
	if (target->kind == TARGET_FILE ? !S_ISREG(stat.st_mode) : !S_ISBLK(stat.st_mode))
		return fail(err, BS_NOT_AN_IMAGE, TARGET_WHAT " is not a %s any more",
			    target->kind == TARGET_FILE ? "regular file" : "block device");
	if (nobody_may_write(&stat))
		return fail(err, BS_READ_ONLY, TARGET_WHAT " is read-only");
	descriptor = io->open(target->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (descriptor < 0)
		return fail_system(err, "cannot open " TARGET_WHAT " for writing");
	return descriptor;
}

static int open_for_rereading(const struct target *target, struct bs_error *err)
{
	int descriptor = reread_open_descriptor(target->name);

	if (descriptor < 0)
		return fail_system(err, "cannot open " TARGET_WHAT);
	return descriptor;
}

/* Makes a target of a descriptor, which is closed with it, also on error. */
static struct target *wrap(int descriptor, const char *name, enum target_access access,
			   const struct transaction_io *io, struct bs_error *err)
{
	struct file_target *file = calloc(1, sizeof(*file));
	struct target *target = &file->target;
	struct stat stat;

	if (!file) {
		close(descriptor);
		fail_memory(err);
		return NULL;
	}
	file->descriptor = descriptor;
	file->watch = access == TARGET_WRITE ? watch_open(descriptor) : -1;
	target->operations = &file_operations;
	target->io = io;
	target->name = strdup(name);
	if (!target->name) {
		fail_memory(err);
		goto out;
	}
	if (fstat(descriptor, &stat) == 0 && S_ISBLK(stat.st_mode)) {
		target->kind = TARGET_DEVICE;
		target->operations = &device_operations;
	}
	if (target_look(target, &target->status, err) < 0)
		goto out;
	target->modified = target->status.modified;
	target->disk = access == TARGET_REREAD ? reread_open(descriptor, target->status.length, err)
					       : file_open(descriptor, err);
	if (target->disk)
		return target;
out:
	target_close(target);
	return NULL;
}

struct target *target_file_open(const char *path, struct bs_error *err)
{
	int descriptor;
	struct stat stat;
	char *name = NULL;
	struct target *target = NULL;

	if (image_open(path, &descriptor, &stat, err) < 0)
		return NULL;
	name = realpath(path, NULL);
	if (!name) {
		fail_system(err, "cannot find " TARGET_WHAT);
		close(descriptor);
		return NULL;
	}
	target = wrap(descriptor, name, TARGET_READ, NULL, err);
	free(name);
	return target;
}

struct target *target_file_reopen(const struct target *target, enum target_access access,
				  const struct transaction_io *io, struct bs_error *err)
{
	int descriptor = -1;

	switch (access) {
	case TARGET_READ:
		return target_file_open(target->name, err);
	case TARGET_REREAD:
		descriptor = open_for_rereading(target, err);
		break;
	case TARGET_WRITE:
		descriptor = open_for_writing(target, io, err);
		break;
	}
	return descriptor < 0 ? NULL : wrap(descriptor, target->name, access, io, err);
}
