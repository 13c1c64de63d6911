/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Variables whose file, volume, disk or memory is closed or freed at the end of their scope.  NULL
 * is allowed.  Code that wrote to a file or volume closes it explicitly and checks the result.
 */
#ifndef BOOTSHIFT_SCOPED_H
#define BOOTSHIFT_SCOPED_H

#include <stdlib.h>

#include "disk/disk.h"
#include "volume/volume.h"

static inline void scoped_close_file(struct volume_file **file)
{
	volume_done_file(*file);
}

static inline void scoped_close_volume(struct volume **volume)
{
	volume_done(*volume);
}

static inline void scoped_close_disk(struct disk **disk)
{
	disk_close(*disk);
}

static inline void scoped_free(void *pointer)
{
	free(*(void **)pointer);
}

#define SCOPED_FILE   __attribute__((cleanup(scoped_close_file))) struct volume_file
#define SCOPED_VOLUME __attribute__((cleanup(scoped_close_volume))) struct volume
#define SCOPED_DISK   __attribute__((cleanup(scoped_close_disk))) struct disk
#define SCOPED        __attribute__((cleanup(scoped_free))) /* memory of any type */

#endif
