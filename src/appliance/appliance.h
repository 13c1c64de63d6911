/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libguestfs' appliance: a small virtual machine with other people's tools, which looks at disks of
 * ours, one after the other.  It sees them read-only, over NBD.
 *
 *	parent       opens the appliance (bs_appliance_open() in bootshift.h)
 *	keeper       a child; lends the appliance to one borrower after another, and shows it the
 *	             borrower's disk.  The first borrower waits for the start of the virtual machine
 *	appliance    two processes; the inner one loads libguestfs, starts QEMU, and answers requests
 *	             (request.h)
 *	borrower     the parent or a child of it; serves its disk to the keeper (nbd-server.h)
 *	client       whoever has the client's end of the channel: a confined worker
 *
 * The appliance's processes have no network, no descriptor of the image, and a /tmp of their own.
 * Once the virtual machine runs, they cannot write to any other folder.  When the parent or the
 * keeper ends, however that happens, the kernel ends all of them, and nothing is left behind.
 */
#ifndef BOOTSHIFT_APPLIANCE_H
#define BOOTSHIFT_APPLIANCE_H

#include "disk/disk.h"

struct appliance_loan {
	int keeper;  /* the channel for reports; -1: none */
	int channel; /* the client's end, for request.h; -1: none */
	struct nbd_server *server;
};

/* Called while the virtual machine starts; `percent` from 0 to 100. */
typedef void appliance_progress(void *context, unsigned percent);

/*
 * Borrows the appliance, which from then on sees `disk`.  Waits until all earlier borrowers have
 * returned it and until the virtual machine runs.  Until appliance_return(), only the appliance
 * uses the disk.  The caller calls appliance_return(), also on error.  Errors:
 * BS_APPLIANCE_UNUSABLE when libguestfs is not installed or cannot start; BS_TIMEOUT;
 * BS_INTERRUPTED when a signal that asks to stop is pending (signals.h); BS_SYSTEM_LIMIT;
 * BS_NO_MEMORY.
 */
MUST_CHECK int appliance_borrow(struct appliance_loan *loan, const struct bs_appliance *appliance,
				struct disk *disk, appliance_progress *progress, void *context,
				struct bs_error *err);

/*
 * Returns the appliance, when no client has its channel any more.  0, or -1 with the first error of
 * the disk that the appliance has met.
 */
MUST_CHECK int appliance_return(struct appliance_loan *loan, struct bs_error *err);

#endif
