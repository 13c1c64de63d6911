/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A confined program of QEMU, qemu-nbd or qemu-img.  The caller serves the program's image as a
 * file: the caller gets a descriptor for FUSE, and a connection on which qemu-nbd speaks NBD.
 *
 * No function here waits longer than the caller allows, even if the process hangs.  The process
 * ends no later than the thread that started it.
 */
#ifndef BOOTSHIFT_QEMU_PROCESS_H
#define BOOTSHIFT_QEMU_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "qemu/qemu-file.h"

struct qemu_process {
	const char *name; /* of the program, without its folder */
	pid_t pid;
	bool ended;     /* the process has ended and waitpid(2) has returned its status */
	int status;     /* of waitpid(2), once it has ended */
	int fuse;       /* mounted, to be served; the caller takes it and sets -1 */
	int connection; /* to speak NBD on; the caller takes it and sets -1 */
	int output;     /* pipe: the parent reads the standard output of the program here */
	int messages;   /* pipe: the parent reads the standard error of the program here */
	char said[256]; /* the last line read from `messages`, without the program's name */
};

/*
 * Returns a value for --image-opts that opens the image and its parents, each with its driver and
 * from its file.  So QEMU does not use the names and formats in the containers.  The caller frees
 * the value.  NULL: no memory.
 */
char *qemu_process_image(const struct qemu_image *image, struct bs_error *err);

/*
 * Starts a program with `arguments`, which end with NULL.  The first argument is the program's
 * path, or its name to be searched in $PATH, and must outlive *process.  Unless `writable`, nothing
 * can be written to the file.  Waits up to `patience` milliseconds for each report of the child.
 * Errors: BS_DRIVER_UNUSABLE when something is not installed or not permitted; BS_WORKER,
 * BS_SYSTEM_LIMIT, BS_NO_MEMORY.  After success the caller must call qemu_process_end().
 */
MUST_CHECK int qemu_process_start(struct qemu_process *process, const char *const *arguments,
				  bool writable, int patience, struct bs_error *err);

/* Waits up to `milliseconds` for the process to end by itself.  Returns whether it has ended. */
bool qemu_process_wait(struct qemu_process *process, int milliseconds);

/* Fails with BS_WORKER: how the process ended or that it hangs, and its last message. */
int qemu_process_blame(struct qemu_process *process, struct bs_error *err);

/* Reads the messages that the process has written so far, and keeps the last line in `said`. */
void qemu_process_listen(struct qemu_process *process);

/* Returns the last message without the image's name, or a phrase saying that there is none. */
const char *qemu_process_reason(const struct qemu_process *process);

/* Kills the process if it still runs, and frees everything that the caller has not taken. */
void qemu_process_end(struct qemu_process *process);

#endif
