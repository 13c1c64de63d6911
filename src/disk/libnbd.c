/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/libnbd.h"

#include <dlfcn.h>
#include <stddef.h>

#define LIBRARY "libnbd.so.0"

int libnbd_load(struct libnbd *libnbd, struct bs_error *err)
{
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	const char *missing = NULL;

	if (!library)
		return fail(err, BS_SYSTEM_LIMIT, "libnbd cannot be loaded: %s", dlerror());
#define FIND(name)                                                                                 \
	libnbd->name = (__typeof__(nbd_##name) *)dlsym(library, "nbd_" #name);                     \
	if (!libnbd->name)                                                                         \
		missing = "nbd_" #name;
	LIBNBD_FUNCTIONS(FIND)
#undef FIND
	return missing ? fail(err, BS_SYSTEM_LIMIT, "libnbd is too old: it has no function %s",
			      missing)
		       : 0;
}
