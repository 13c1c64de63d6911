/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk as libntfs-3g's device.  Only the volume-ntfs files include this. */
#ifndef BOOTSHIFT_NTFS_DEVICE_H
#define BOOTSHIFT_NTFS_DEVICE_H

#include "disk/disk.h"
#include "windows/libntfs.h"

struct ntfs_disk {
	struct disk *disk;
	struct bs_error error; /* the last one of the disk; libntfs-3g keeps only an errno of it */
	s64 position;
};

extern struct ntfs_device_operations ntfs_disk_operations;

#endif
