/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/appliance-view.h"

#include "disk/shared.h"
#include "engine/options.h"

/* Returns the caller's appliance, or the command's own. */
static const struct bs_appliance *view_find_appliance(struct appliance_view *view,
						      const struct bs_options *options,
						      struct bs_error *err)
{
	if (options->appliance)
		return options->appliance;
	if (!view->has_own && bs_appliance_open(&view->own, err) < 0)
		return NULL;
	view->has_own = true;
	return &view->own;
}

static void view_tell_amount(void *context, unsigned percent)
{
	options_tell_amount(context, percent, 100);
}

int appliance_view_open(struct appliance_view *view, const struct container *container,
			struct bs_error *err)
{
	const struct bs_options *options = container->options;
	const struct bs_appliance *appliance = view_find_appliance(view, options, err);

	if (!appliance)
		return -1;
	view->disk = shared_open(container->disk, err);
	if (!view->disk)
		return -1;
	options_tell(options, BS_PHASE_WAITING);
	if (appliance_borrow(&view->loan, appliance, view->disk, view_tell_amount,
			     (void *)(uintptr_t)options, err) < 0)
		return -1;
	options_tell(options, BS_PHASE_ASKING);
	view->channel = view->loan.channel;
	return 0;
}

void appliance_view_close(struct appliance_view *view)
{
	struct bs_error ignored; /* a disk that failed here fails for the worker, too */

	if (!view->disk)
		return;
	(void)!appliance_return(&view->loan, &ignored);
	disk_close(view->disk);
	view->disk = NULL;
}

void appliance_view_free(struct appliance_view *view)
{
	appliance_view_close(view);
	if (view->has_own)
		bs_appliance_close(&view->own);
	view->has_own = false;
}
