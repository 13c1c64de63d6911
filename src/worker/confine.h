/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The confinement of the worker, which parses untrusted bytes.  It may compute, use memory up to a
 * limit, talk over its socket, and read an image that was opened for reading only.
 */
#ifndef BOOTSHIFT_CONFINE_H
#define BOOTSHIFT_CONFINE_H

#include "util/err.h"

struct confine_limits {
	uint64_t memory;  /* bytes of address space beyond what the process already has */
	uint64_t seconds; /* of processor time; then SIGXCPU ends the process */
};

/* The descriptors that stay open; 0: none. */
enum confine_kept {
	CONFINE_SOCKET,    /* the channel to the parent */
	CONFINE_APPLIANCE, /* the channel to an appliance */
	CONFINE_IMAGE,     /* what the worker reads by itself */
	CONFINE_KEPT
};

/*
 * Gives up all capabilities, closes every descriptor but `kept`, sets the limits, and loads a filter.
 * After that, any system call that a worker does not need kills the process, and so does an attempt
 * to map memory that can be executed.  A process that may change its user, and whose parent may still
 * end it then, becomes "nobody" without groups.  The process cannot undo this; its parent may give it
 * more processor time with prlimit().  If the process already has a lower limit, that limit stays.  A
 * build with assertions keeps standard error if BOOTSHIFT_DEBUG is set, and names the system call
 * there.  Errors: BS_SYSTEM_LIMIT where the system does not let a process confine itself,
 * BS_NO_MEMORY, BS_WORKER if the image could be written.
 */
MUST_CHECK int confine_self(const int kept[CONFINE_KEPT], const struct confine_limits *limits,
			    struct bs_error *err);

#endif
