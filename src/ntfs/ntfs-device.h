/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk as libntfs-3g's device.  Only the volume-ntfs files include this. */
#ifndef BOOTSHIFT_NTFS_DEVICE_H
#define BOOTSHIFT_NTFS_DEVICE_H

#include "disk/disk.h"
#include "ntfs/libntfs.h"
#include "ntfs/ntfs-check.h"

struct ntfs_disk {
	struct disk *disk;
	/* The last one of the disk, or that metadata is damaged; libntfs-3g keeps only an errno of
	 * it. */
	struct bs_error error;
	s64 position;
	/* What is read is checked before the library sees it, unless `clusters` is 0, or the
	 * caller reads the content of a file, where any bytes may stand. */
	struct ntfs_geometry geometry;
	bool reads_content;
};

extern struct ntfs_device_operations ntfs_disk_operations;

#endif
