/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An appliance that sees the guest's disk of a container, while a worker sees it too.
 *
 * One appliance looks at the disk again and again: as it was, as it was staged, and as it was
 * committed.  Between two looks no worker runs, so nothing is mounted in the appliance, and the
 * disk below its view may be exchanged.  libguestfs then reads each look from the disk afresh: the
 * kernel of the appliance forgets a partition when it is unmounted.
 */
#ifndef BOOTSHIFT_APPLIANCE_VIEW_H
#define BOOTSHIFT_APPLIANCE_VIEW_H

#include "appliance/appliance.h"
#include "disk/shared.h"
#include "engine/container.h"

struct appliance_view {
	struct shared *shared;       /* NULL: there is no appliance */
	struct appliance *appliance; /* or NULL */
};

/*
 * Shows the container's disk to the appliance, and starts an appliance if there is none.  Until
 * appliance_view_hide(), others use only appliance_view_disk().  The caller calls
 * appliance_view_close(), also on error.  Errors: those of appliance_start().
 */
MUST_CHECK int appliance_view_show(struct appliance_view *view, const struct container *container,
				   struct bs_error *err);

/* The container's disk, for the worker. */
struct disk *appliance_view_disk(const struct appliance_view *view);

/* No worker uses the view.  The container's disk may be closed after this. */
void appliance_view_hide(struct appliance_view *view);

/* After this the view may be used again.  A view that was never used is all zeros. */
void appliance_view_close(struct appliance_view *view);

#endif
