/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An appliance that sees the guest's disk of a container, while a worker sees it too. */
#ifndef BOOTSHIFT_APPLIANCE_VIEW_H
#define BOOTSHIFT_APPLIANCE_VIEW_H

#include "appliance/appliance.h"
#include "engine/container.h"

/* Begins as all zeros.  It may be opened and closed several times, and is freed at the end. */
struct appliance_view {
	struct disk *disk; /* the container's disk, for the worker; NULL: the view is closed */
	int channel;       /* the client's end, for the worker */
	struct appliance_loan loan;
	struct bs_appliance own; /* if the options have none */
	bool has_own;
};

/*
 * Borrows an appliance for the container's disk.  Until appliance_view_close(), others use only
 * view->disk.  The caller calls appliance_view_close(), also on error.  Errors: those of
 * appliance_borrow().
 */
MUST_CHECK int appliance_view_open(struct appliance_view *view, const struct container *container,
				   struct bs_error *err);

/* The worker has ended.  A view that is closed stays so. */
void appliance_view_close(struct appliance_view *view);

/* Ends the view's own appliance, if there is one. */
void appliance_view_free(struct appliance_view *view);

#endif
