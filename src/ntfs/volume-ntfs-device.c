/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume, implemented with libntfs-3g: a disk as the library's device. */
#include "ntfs/volume-ntfs.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include "util/bytes.h"

static struct ntfs_disk *device_disk(struct ntfs_device *device)
{
	return device->d_private;
}

static int device_fail(int number)
{
	errno = number;
	return -1;
}

/*
 * After a failed operation of the disk or a failed check.  The library may hide the failure, or crash
 * because of it, and both would look like damage.  So the process ends if the image is not to blame:
 * memory ran out, or there is no way to the disk any more.
 */
static int device_fail_disk(const struct ntfs_disk *own)
{
	if (own->error.code == BS_NO_MEMORY)
		_exit(VOLUME_EXIT_NO_MEMORY);
	if (own->error.code == BS_WORKER || own->error.code == BS_SYSTEM_LIMIT)
		_exit(EXIT_FAILURE);
	return device_fail(EIO);
}

static int device_open(struct ntfs_device *device, int flags)
{
	if (NDevOpen(device))
		return device_fail(EBUSY);
	NDevSetOpen(device);
	if ((flags & O_ACCMODE) == O_RDONLY)
		NDevSetReadOnly(device);
	return 0;
}

static int device_close(struct ntfs_device *device)
{
	NDevClearOpen(device);
	return 0;
}

/* A read past the end returns fewer bytes, as the library expects, whereas disk_read() fails. */
static s64 device_pread(struct ntfs_device *device, void *buffer, s64 count, s64 offset)
{
	struct ntfs_disk *own = device_disk(device);
	uint64_t length;

	if (count < 0 || offset < 0)
		return device_fail(EINVAL);
	if ((uint64_t)offset >= disk_size(own->disk))
		return 0;
	length = min_u64((uint64_t)count, disk_size(own->disk) - (uint64_t)offset);
	if (disk_read(own->disk, (uint64_t)offset, buffer, length, &own->error) < 0 ||
	    (own->geometry.clusters > 0 && !own->reads_content &&
	     ntfs_check_read(&own->geometry, (uint64_t)offset, buffer, length, &own->error) < 0))
		return device_fail_disk(own);
	return (s64)length;
}

static s64 device_pwrite(struct ntfs_device *device, const void *buffer, s64 count, s64 offset)
{
	struct ntfs_disk *own = device_disk(device);

	if (NDevReadOnly(device))
		return device_fail(EROFS);
	if (count < 0 || offset < 0)
		return device_fail(EINVAL);
	if (disk_write(own->disk, (uint64_t)offset, buffer, (size_t)count, &own->error) < 0)
		return device_fail_disk(own);
	NDevSetDirty(device);
	return count;
}

static s64 device_seek(struct ntfs_device *device, s64 offset, int whence)
{
	struct ntfs_disk *own = device_disk(device);
	s64 base = whence == SEEK_SET   ? 0
		   : whence == SEEK_CUR ? own->position
					: (s64)disk_size(own->disk);
	s64 position;

	if (__builtin_add_overflow(base, offset, &position) || position < 0)
		return device_fail(EINVAL);
	return own->position = position;
}

static s64 device_read(struct ntfs_device *device, void *buffer, s64 count)
{
	s64 done = device_pread(device, buffer, count, device_disk(device)->position);

	if (done > 0)
		device_disk(device)->position += done;
	return done;
}

static s64 device_write(struct ntfs_device *device, const void *buffer, s64 count)
{
	s64 done = device_pwrite(device, buffer, count, device_disk(device)->position);

	if (done > 0)
		device_disk(device)->position += done;
	return done;
}

static int device_sync(struct ntfs_device *device)
{
	struct ntfs_disk *own = device_disk(device);

	if (!NDevDirty(device))
		return 0;
	if (disk_flush(own->disk, &own->error) < 0)
		return device_fail_disk(own);
	NDevClearDirty(device);
	return 0;
}

static int device_stat(struct ntfs_device *device, struct stat *status)
{
	*status = (struct stat){.st_mode = S_IFBLK | 0600,
				.st_size = (off_t)disk_size(device_disk(device)->disk)};
	return 0;
}

/* Returns sizes to the library.  Without them, the library would search for the disk's end. */
static int device_ioctl(struct ntfs_device *device, unsigned long request, void *argument)
{
	switch (request) {
	case BLKGETSIZE64:
		*(uint64_t *)argument = disk_size(device_disk(device)->disk);
		return 0;
	case BLKSSZGET:
		*(int *)argument = 512;
		return 0;
	default:
		return device_fail(EOPNOTSUPP);
	}
}

struct ntfs_device_operations ntfs_disk_operations = {
	.open = device_open,
	.close = device_close,
	.seek = device_seek,
	.read = device_read,
	.write = device_write,
	.pread = device_pread,
	.pwrite = device_pwrite,
	.sync = device_sync,
	.stat = device_stat,
	.ioctl = device_ioctl,
};
