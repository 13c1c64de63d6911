/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets behind a descriptor: regular files and block devices.
 *
 * A device is a file of fixed length without holes.  Writes go through the page cache; where a
 * write covers only a part of a device's block, the kernel reads the rest of the block first.  A
 * device is not opened with O_EXCL here: the lock holds it with O_EXCL, which would keep out our
 * own second open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "disk/image.h"
#include "disk/reread.h"
#include "transaction/target.h"

/* ---- what the image is ---------------------------------------------------------------------- */

int target_file_look(const struct target *target, struct target_status *status,
		     struct bs_error *err)
{
	bool device = target->kind == TARGET_DEVICE;
	off_t device_length = device ? lseek(target->descriptor, 0, SEEK_END) : 0;
	struct stat stat;

	if (device_length < 0 || fstat(target->descriptor, &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	if (device)
		*status = (struct target_status){
			.length = (uint64_t)device_length, .device = stat.st_rdev, .mode = 0600};
	else
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

/* Root could write to such a file all the same; but its owner has marked it read-only. */
static bool target_file_is_read_only(const struct stat *stat)
{
	return (stat->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0;
}

/*
 * The attributes of chattr(1) keep out everybody, also root.  access(2) does not report that a file
 * is append-only, and reports an immutable file like one of another user.
 */
static int target_file_check_attributes(const struct target *target, struct bs_error *err)
{
	int flags = 0;

	if (target->kind != TARGET_FILE || ioctl(target->descriptor, FS_IOC_GETFLAGS, &flags) < 0)
		return 0;
	if (flags & FS_IMMUTABLE_FL)
		return fail(err, BS_READ_ONLY, "the file is immutable (chattr -i ends that)");
	if (flags & FS_APPEND_FL)
		return fail(err, BS_READ_ONLY, "the file is append-only (chattr -a ends that)");
	return 0;
}

static int target_file_check_writable(const struct target *target, struct bs_error *err)
{
	struct stat stat;
	int read_only = 0;

	if (target->kind == TARGET_DEVICE && ioctl(target->descriptor, BLKROGET, &read_only) == 0 &&
	    read_only)
		return fail(err, BS_READ_ONLY, "the device is read-only");
	if (fstat(target->descriptor, &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	if (target_file_is_read_only(&stat))
		return fail(err, BS_READ_ONLY, "the file is marked read-only");
	if (target_file_check_attributes(target, err) < 0)
		return -1;
	if (faccessat(AT_FDCWD, target->name, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return fail(err, BS_READ_ONLY, "the file system is read-only");
	return fail_system(err, "the file cannot be written");
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int target_file_open_for_writing(const struct target *target, struct bs_error *err)
{
	struct stat stat;
	int descriptor;

	if (lstat(target->name, &stat) < 0)
		return fail_system(err, "cannot find " TARGET_WHAT);
	if (target->kind == TARGET_FILE ? !S_ISREG(stat.st_mode) : !S_ISBLK(stat.st_mode))
		return fail(err, BS_NOT_AN_IMAGE, TARGET_WHAT " is not a %s any more",
			    target->kind == TARGET_FILE ? "regular file" : "block device");
	if (target_file_is_read_only(&stat))
		return fail(err, BS_READ_ONLY, TARGET_WHAT " is read-only");
	descriptor = target->io->open(target->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	return descriptor < 0 ? fail_system(err, "cannot open " TARGET_WHAT " for writing")
			      : descriptor;
}

static int target_file_open(struct target *target, const char *image, enum target_access access,
			    struct bs_error *err)
{
	struct stat stat;

	if (access == TARGET_READ && image_open(image, &target->descriptor, &stat, err) < 0)
		return -1;
	target->name = access == TARGET_READ ? realpath(image, NULL) : strdup(image);
	if (!target->name)
		return fail_system(err, "cannot find " TARGET_WHAT);
	if (access == TARGET_WRITE)
		target->descriptor = target_file_open_for_writing(target, err);
	else if (access == TARGET_REREAD &&
		 (target->descriptor = reread_open_descriptor(image)) < 0)
		fail_system(err, "cannot open " TARGET_WHAT);
	if (target->descriptor < 0)
		return -1;
	if (fstat(target->descriptor, &stat) < 0)
		return fail_errno(err, BS_IO, "cannot look at " TARGET_WHAT);
	target->kind = S_ISBLK(stat.st_mode) ? TARGET_DEVICE : TARGET_FILE;
	target->disk = access == TARGET_REREAD ? reread_open(target->descriptor, err)
					       : file_open(target->descriptor, err);
	return target->disk ? 0 : -1;
}

void target_file_close(struct target *target)
{
	disk_close(target->disk);
	if (target->descriptor >= 0)
		close(target->descriptor); /* nothing is lost: see target_close() */
}

const struct target_operations target_file_operations = {
	.open = target_file_open,
	.close = target_file_close,
	.look = target_file_look,
	.check_writable = target_file_check_writable,
};
