/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process that keeps an appliance and lends it to one borrower after another.  See appliance.h.
 */
#ifndef BOOTSHIFT_APPLIANCE_KEEPER_H
#define BOOTSHIFT_APPLIANCE_KEEPER_H

#include <sys/types.h>

/*
 * Runs in the child after a fork, until all other ends of the door are closed.  A borrower sends one
 * byte through the door with two descriptors: its end of a channel for reports (report.h), and a
 * socket on which it serves its disk by NBD.
 */
_Noreturn void keeper_run(pid_t parent, int door);

#endif
