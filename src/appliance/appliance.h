/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libguestfs' appliance: a small virtual machine with other people's tools, which looks at a disk
 * of ours.  It sees the disk read-only, over NBD.
 *
 *	parent       serves the disk to the virtual machine (nbd-server.h)
 *	keeper       a child; its only child is the first process of a process namespace
 *	appliance    loads libguestfs, starts QEMU, and answers requests (request.h)
 *	client       whoever has the client's end of the channel: a confined worker
 *
 * The appliance's processes have no network, no descriptor of the image, and a /tmp of their own.
 * Once the virtual machine runs, they cannot write to any other folder.  When the parent or the
 * keeper ends, however that happens, the kernel ends all of them, and nothing is left behind.
 */
#ifndef BOOTSHIFT_APPLIANCE_H
#define BOOTSHIFT_APPLIANCE_H

#include "disk/disk.h"

struct appliance;

/*
 * Starts an appliance that sees `disk`, and waits until the virtual machine runs.  Until
 * appliance_end(), only the appliance uses the disk.  NULL on error: BS_APPLIANCE_UNUSABLE when
 * libguestfs is not installed or cannot start; BS_TIMEOUT; BS_SYSTEM_LIMIT; BS_NO_MEMORY; an error
 * of the disk.
 */
MUST_CHECK struct appliance *appliance_start(struct disk *disk, struct bs_error *err);

/* The client's end of the channel, for request.h.  The appliance owns it. */
int appliance_channel(const struct appliance *appliance);

/*
 * Ends the virtual machine and frees the appliance.  Returns 0, or -1 with the first error of the
 * disk that the appliance has met.  NULL is allowed.
 */
MUST_CHECK int appliance_end(struct appliance *appliance, struct bs_error *err);

#endif
