/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A confined program of QEMU, qemu-nbd or qemu-img.  Its image is a file that the caller serves:
 * the caller gets a descriptor for FUSE, and a connection on which qemu-nbd speaks NBD.
 *
 * No function here waits longer than it is told, even if the process hangs.  The process ends no
 * later than the thread that has started it.
 */
#ifndef BOOTSHIFT_QEMU_PROCESS_H
#define BOOTSHIFT_QEMU_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

struct qemu_process {
	const char *name; /* of the program, without its folder */
	pid_t pid;
	bool ended;     /* and been waited for */
	int status;     /* of waitpid(2), once it has ended */
	int fuse;       /* mounted, to be served; the caller takes it and sets -1 */
	int connection; /* to speak NBD on; the caller takes it and sets -1 */
	int output;     /* the end of a pipe to read its standard output from */
	int messages;   /* and its standard error */
	char said[256]; /* the last line of its messages that was read, without its name */
};

/*
 * The value of the option --image-opts that leads to the file by one of qemu's block drivers, with
 * options of that driver or NULL; the caller frees it.  NULL: no memory.
 */
char *qemu_process_image(const char *driver, const char *driver_options, struct bs_error *err);

/*
 * Starts a program with `arguments`, which end with NULL; the first one is its name, to be searched
 * in $PATH, or its path, and has to outlive the process.  Unless `writable`, nothing can be written
 * to the file.  Waits up to `patience` milliseconds until it runs.  Errors: BS_DRIVER_UNUSABLE
 * when something is not installed or not permitted; BS_WORKER, BS_NO_MEMORY.  After success
 * qemu_process_end() is due.
 */
MUST_CHECK int qemu_process_start(struct qemu_process *process, const char *const *arguments,
				  bool writable, int patience, struct bs_error *err);

/* Waits up to `milliseconds` for the process to end by itself; true when it has. */
bool qemu_process_wait(struct qemu_process *process, int milliseconds);

/* Describes in BS_WORKER how the process ended, or that it hangs, and what it said; returns -1. */
int qemu_process_blame(struct qemu_process *process, struct bs_error *err);

/* Reads the messages that the process has written until now; the last line goes to `said`. */
void qemu_process_listen(struct qemu_process *process);

/* The last message without the image's name, or a phrase that says that there is none. */
const char *qemu_process_reason(const struct qemu_process *process);

/* Kills the process if it still runs, and frees everything that the caller has not taken. */
void qemu_process_end(struct qemu_process *process);

#endif
