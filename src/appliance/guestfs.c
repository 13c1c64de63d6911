/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/guestfs.h"

#include <dlfcn.h>

#define LIBRARY "libguestfs.so.0"

int guestfs_load(struct guestfs *guestfs, struct bs_error *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	const char *missing = NULL;

	if (!library)
		return fail(err, BS_APPLIANCE_UNUSABLE, "libguestfs cannot be loaded: %s",
			    dlerror());
#define FIND(name)                                                                                 \
	guestfs->name = (__typeof__(guestfs_##name) *)dlsym(library, "guestfs_" #name);            \
	if (!guestfs->name)                                                                        \
		missing = "guestfs_" #name;
	GUESTFS_FUNCTIONS(FIND)
#undef FIND
	return missing ? fail(err, BS_APPLIANCE_UNUSABLE,
			      "libguestfs is too old: it has no function %s", missing)
		       : 0;
}
