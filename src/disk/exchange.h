/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A read-only disk whose content is exchanged: one disk after another lies below it.  Behind the
 * end of that disk, and while there is none, it has zeros.  One thread may read while another one
 * exchanges.
 */
#ifndef BOOTSHIFT_EXCHANGE_H
#define BOOTSHIFT_EXCHANGE_H

#include "disk/disk.h"

/* `size` in bytes.  The caller frees it with disk_close().  NULL on error: BS_NO_MEMORY. */
MUST_CHECK struct disk *exchange_open(uint64_t size, struct bs_error *err);

/* Puts another disk below; NULL: none.  From its return on, nobody reads the disk before. */
void exchange_set(struct disk *exchange, struct disk *below);

#endif
