/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The appliance's own processes: the keeper, and the process that uses libguestfs. */
#ifndef BOOTSHIFT_APPLIANCE_PROCESS_H
#define BOOTSHIFT_APPLIANCE_PROCESS_H

#include <sys/types.h>

#include "util/err.h"

/*
 * What the process reports to the parent on a socketpair(AF_UNIX, SOCK_SEQPACKET), as struct
 * bs_error with code BS_OK: first that it listens, with the descriptor of the socket for NBD
 * (SCM_RIGHTS); then that the virtual machine runs.  Another code is the error that ended it.
 */

/* Runs in the child after a fork.  `reports` and `requests` are its ends of the two channels. */
_Noreturn void appliance_process_run(pid_t parent, int reports, int requests);

#endif
