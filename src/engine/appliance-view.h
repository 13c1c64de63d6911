/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An appliance that sees the guest's disk of a container, while a worker sees it too. */
#ifndef BOOTSHIFT_APPLIANCE_VIEW_H
#define BOOTSHIFT_APPLIANCE_VIEW_H

#include "appliance/appliance.h"
#include "engine/container.h"

struct appliance_view {
	struct disk *disk; /* the container's disk, for the worker; NULL: there is no appliance */
	struct appliance *appliance; /* or NULL */
};

/*
 * Starts an appliance on the container's disk.  Until appliance_view_close(), others use only
 * view->disk.  The caller calls appliance_view_close(), also on error.  Errors: those of
 * appliance_start().
 */
MUST_CHECK int appliance_view_open(struct appliance_view *view, const struct container *container,
				   struct bs_error *err);

/* After this the view may be opened again.  A view that was never opened is all zeros. */
void appliance_view_close(struct appliance_view *view);

#endif
