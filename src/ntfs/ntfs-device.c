/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libntfs-3g's device operations over a disk. */
#include "ntfs/ntfs-device.h"

#include <fcntl.h>
#include <linux/fs.h>

#include "util/bytes.h"

static struct ntfs_disk *of(struct ntfs_device *device)
{
	return device->d_private;
}

static int device_open(struct ntfs_device *device, int flags)
{
	if (NDevOpen(device)) {
		errno = EBUSY;
		return -1;
	}
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

static s64 device_pread(struct ntfs_device *device, void *buffer, s64 count, s64 offset)
{
	struct ntfs_disk *own = of(device);
	uint64_t length;

	if (count < 0 || offset < 0) {
		errno = EINVAL;
		return -1;
	}
	/*
	 * A read past the end is a short one here, unlike everywhere else: the library expects it.
	 */
	if ((uint64_t)offset >= disk_size(own->disk))
		return 0;
	length = min_u64((uint64_t)count, disk_size(own->disk) - (uint64_t)offset);
	if (disk_read(own->disk, (uint64_t)offset, buffer, length, &own->error) < 0 ||
	    (own->geometry.clusters != 0 && !own->reads_content &&
	     ntfs_check_read(&own->geometry, (uint64_t)offset, buffer, length, &own->error) < 0)) {
		errno = EIO;
		return -1;
	}
	return (s64)length;
}

static s64 device_pwrite(struct ntfs_device *device, const void *buffer, s64 count, s64 offset)
{
	struct ntfs_disk *own = of(device);

	if (NDevReadOnly(device)) {
		errno = EROFS;
		return -1;
	}
	if (count < 0 || offset < 0) {
		errno = EINVAL;
		return -1;
	}
	if (disk_write(own->disk, (uint64_t)offset, buffer, (size_t)count, &own->error) < 0) {
		errno = EIO;
		return -1;
	}
	NDevSetDirty(device);
	return count;
}

static s64 device_seek(struct ntfs_device *device, s64 offset, int whence)
{
	struct ntfs_disk *own = of(device);
	s64 base = whence == SEEK_SET   ? 0
		   : whence == SEEK_CUR ? own->position
					: (s64)disk_size(own->disk);
	s64 position;

	if (__builtin_add_overflow(base, offset, &position) || position < 0) {
		errno = EINVAL;
		return -1;
	}
	return own->position = position;
}

static s64 device_read(struct ntfs_device *device, void *buffer, s64 count)
{
	s64 done = device_pread(device, buffer, count, of(device)->position);

	if (done > 0)
		of(device)->position += done;
	return done;
}

static s64 device_write(struct ntfs_device *device, const void *buffer, s64 count)
{
	s64 done = device_pwrite(device, buffer, count, of(device)->position);

	if (done > 0)
		of(device)->position += done;
	return done;
}

static int device_sync(struct ntfs_device *device)
{
	struct ntfs_disk *own = of(device);

	if (!NDevDirty(device))
		return 0;
	if (disk_flush(own->disk, &own->error) < 0) {
		errno = EIO;
		return -1;
	}
	NDevClearDirty(device);
	return 0;
}

static int device_stat(struct ntfs_device *device, struct stat *status)
{
	*status = (struct stat){.st_mode = S_IFBLK | 0600,
				.st_size = (off_t)disk_size(of(device)->disk)};
	return 0;
}

/* Answers the questions about sizes; without them the library would search for the end. */
static int device_ioctl(struct ntfs_device *device, unsigned long request, void *argument)
{
	switch (request) {
	case BLKGETSIZE64:
		*(uint64_t *)argument = disk_size(of(device)->disk);
		return 0;
	case BLKSSZGET:
		*(int *)argument = 512;
		return 0;
	default:
		errno = EOPNOTSUPP;
		return -1;
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
