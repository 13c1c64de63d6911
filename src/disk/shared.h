/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that several threads may use: each operation waits until no other one runs. */
#ifndef BOOTSHIFT_SHARED_H
#define BOOTSHIFT_SHARED_H

#include "disk/disk.h"

/*
 * The disk below must outlive this one, and nobody else may use it meanwhile.  The caller frees
 * this disk with disk_close() when no other thread uses it.  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct disk *shared_open(struct disk *below, struct bs_error *err);

#endif
