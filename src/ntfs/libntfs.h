/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libntfs-3g's headers.  They count on the system's headers being there already, and on the
 * configuration of the library's own build; its calls take pointers into packed records.
 */
#ifndef BOOTSHIFT_LIBNTFS_H
#define BOOTSHIFT_LIBNTFS_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/ea.h>
#include <ntfs-3g/index.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#endif
