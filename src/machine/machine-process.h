/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process of QEMU for one virtual machine. */
#ifndef BOOTSHIFT_MACHINE_PROCESS_H
#define BOOTSHIFT_MACHINE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

struct machine_process {
	pid_t pid;  /* 0: it does not run */
	int status; /* of waitpid(2), once it has ended */
	int disk; /* connected socket: QEMU is the client of NBD; the caller takes it and sets -1 */
	int monitor;    /* connected socket, for machine-monitor.h */
	int picture;    /* a file in memory, to which QEMU writes pictures of the screen */
	int messages;   /* pipe: standard error */
	char said[256]; /* the last line of standard error */
};

/*
 * Starts QEMU, confined, with its virtual processor stopped.  After success and after an error the
 * caller calls machine_process_end().  Errors: BS_MACHINE_UNUSABLE, BS_WORKER, BS_SYSTEM_LIMIT,
 * BS_NO_MEMORY.
 */
MUST_CHECK int machine_process_start(struct machine_process *process, struct bs_error *err);

/* Kills QEMU and fails with BS_MACHINE_UNUSABLE: how QEMU ended, and its last words. */
int machine_process_blame(struct machine_process *process, struct bs_error *err);

/* Kills QEMU if it still runs, and closes what the caller has not taken. */
void machine_process_end(struct machine_process *process);

#endif
