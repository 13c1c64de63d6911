/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What qemu-nbd may still do: compute, within limits of memory and time; read and execute what is
 * installed; read and write the staged image; answer on the connection that it was given.
 *
 * The layers overlap on purpose.  Namespaces (capture-child.c) take away the network and the
 * mounts, Landlock, where the kernel has it, all files but those named, the filter the system
 * calls that reach around both.  In preparation everything is made that needs memory, because the
 * rest happens between a fork and an exec.
 */
#ifndef BOOTSHIFT_CAPTURE_CONFINE_H
#define BOOTSHIFT_CAPTURE_CONFINE_H

#include <linux/filter.h>

#include "util/err.h"

struct capture_confinement {
	struct sock_fprog filter;
};

/* Errors: BS_NO_MEMORY, BS_WORKER.  Freed with capture_confine_free() if it succeeds. */
MUST_CHECK int capture_confine_prepare(struct capture_confinement *confinement,
				       struct bs_error *err);
void capture_confine_free(struct capture_confinement *confinement);

/*
 * Confines the calling process, for good, also over an exec, to running `program` on `image` (both
 * paths).  The caller needs CAP_SETPCAP in its user namespace.  Async-signal-safe.  -1 with errno.
 */
MUST_CHECK int capture_confine_self(const struct capture_confinement *confinement,
				    const char *program, const char *image);

#endif
