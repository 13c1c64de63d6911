/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the worker may still do once it looks at other people's bytes: compute, use memory up to a
 * limit, and talk over the one socket that it has.
 */
#ifndef BOOTSHIFT_CONFINE_H
#define BOOTSHIFT_CONFINE_H

#include "util/err.h"

/*
 * Closes every descriptor but `socket`, sets the limits, and loads a filter after which any other
 * system call than those needed kills the process.  Not to be undone.  Errors: BS_WORKER.
 */
MUST_CHECK int confine_self(int socket, struct bs_error *err);

#endif
