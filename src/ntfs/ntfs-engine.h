/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume engine over libntfs-3g.  Only its volumes can be written and have internals. */
#ifndef BOOTSHIFT_NTFS_ENGINE_H
#define BOOTSHIFT_NTFS_ENGINE_H

#include "volume/volume.h"

/* Returns the engine for a disk, which must outlive its volumes.  The engine itself need not. */
struct volume_engine volume_ntfs_engine(struct disk *disk);

#endif
