/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A copy-on-write view of a disk, in memory, for a guest that may write without end. */
#ifndef BOOTSHIFT_MACHINE_DISK_H
#define BOOTSHIFT_MACHINE_DISK_H

#include "disk/disk.h"

/*
 * Opens a view of `below`, which is never written and must outlive the view.  Each write counts as
 * the blocks of the overlay that it touches.  When more than `limit` bytes have been written,
 * writes fail with BS_NO_SPACE.  disk_close() drops what was written.  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct disk *machine_disk_open(struct disk *below, uint64_t limit, struct bs_error *err);

#endif
