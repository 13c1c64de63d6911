/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process that uses libguestfs.  It starts QEMU and answers the requests of one client after
 * another (request.h).  With its parent it has a channel for reports (report.h).
 */
#ifndef BOOTSHIFT_APPLIANCE_PROCESS_H
#define BOOTSHIFT_APPLIANCE_PROCESS_H

#include <sys/types.h>

/* Runs in the child after a fork.  `reports` is the child's end of the channel. */
_Noreturn void appliance_process_run(pid_t parent, int reports);

#endif
