/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a plan may write.  The parent compares the plan with the partition table that it has read
 * itself, and then lets writes through to the boot partition, to the four active flags, and to the
 * signature if the plan gives it back.
 */
#ifndef BOOTSHIFT_PERMIT_H
#define BOOTSHIFT_PERMIT_H

#include "boot/mbr.h"
#include "disk/guard.h"

/*
 * Checks the plan of a worker, and opens the guard for that plan.  Sets `sector` to what the first
 * sector of the disk must be in the end.  Errors: BS_WORKER for a plan that does not fit the
 * partition table or the options, those of reading the disk, BS_NO_MEMORY.
 */
MUST_CHECK int permit_open(struct guard *guard, const struct bs_plan *plan,
			   const struct bs_options *options, uint8_t sector[SECTOR_SIZE],
			   struct bs_error *err);

/*
 * Closes the guard, because the result will be verified now.  Checks that the first sector is what it
 * must be: it has the planned flags and the planned signature, and nothing else in it has changed.
 * Errors: BS_WORKER, those of reading the disk.
 */
MUST_CHECK int permit_close(struct guard *guard, const uint8_t sector[SECTOR_SIZE],
			    struct bs_error *err);

#endif
