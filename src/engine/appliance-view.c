/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/appliance-view.h"

int appliance_view_show(struct appliance_view *view, const struct container *container,
			struct bs_error *err)
{
	if (view->appliance) {
		shared_exchange(view->shared, container->disk);
		return 0;
	}
	container_tell(container->options, BS_PHASE_ASKING);
	view->shared = shared_open(container->disk, err);
	if (!view->shared)
		return -1;
	view->appliance = appliance_start(shared_disk(view->shared), err);
	return view->appliance ? 0 : -1;
}

struct disk *appliance_view_disk(const struct appliance_view *view)
{
	return shared_disk(view->shared);
}

void appliance_view_hide(struct appliance_view *view)
{
	if (view->shared)
		shared_exchange(view->shared, NULL);
}

void appliance_view_close(struct appliance_view *view)
{
	struct bs_error ignored; /* a disk that failed here fails for the worker, too */

	(void)!appliance_end(view->appliance, &ignored);
	if (view->shared)
		disk_close(shared_disk(view->shared));
	*view = (struct appliance_view){NULL, NULL};
}
