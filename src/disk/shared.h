/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that several threads may use: each operation waits until no other one runs. */
#ifndef BOOTSHIFT_SHARED_H
#define BOOTSHIFT_SHARED_H

#include "disk/disk.h"

struct shared;

/*
 * Nobody else may use the disk below while it is below.  The caller frees the disk of `shared` with
 * disk_close() when no other thread uses it.  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct shared *shared_open(struct disk *below, struct bs_error *err);
struct disk *shared_disk(struct shared *shared);

/*
 * Puts another disk of the same size below.  NULL: each operation fails with BS_IO.  The disk that
 * was below is free afterwards.
 */
void shared_exchange(struct shared *shared, struct disk *below);

#endif
