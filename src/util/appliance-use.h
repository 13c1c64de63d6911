/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOTSHIFT_APPLIANCE_USE_H
#define BOOTSHIFT_APPLIANCE_USE_H

#include "bootshift.h"

/*
 * Whether the options ask for libguestfs' appliance.  Then one appliance serves all images of a
 * command.
 */
static inline bool options_use_appliance(const struct bs_options *options)
{
	return options->second_opinion || options->engine == BS_ENGINE_LIBGUESTFS;
}

#endif
