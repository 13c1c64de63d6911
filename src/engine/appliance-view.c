/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/appliance-view.h"

#include "disk/shared.h"

int appliance_view_open(struct appliance_view *view, const struct container *container,
			struct bs_error *err)
{
	container_tell(container->options, BS_PHASE_ASKING);
	view->disk = shared_open(container->disk, err);
	if (!view->disk)
		return -1;
	view->appliance = appliance_start(view->disk, err);
	return view->appliance ? 0 : -1;
}

void appliance_view_close(struct appliance_view *view)
{
	struct bs_error ignored; /* a disk that failed here fails for the worker, too */

	(void)!appliance_end(view->appliance, &ignored);
	disk_close(view->disk);
	*view = (struct appliance_view){NULL, NULL};
}
