/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child's side of starting a program of QEMU: what happens between fork and exec, and what the
 * child reports to its parent.
 *
 * The parent has one end of a channel (util/channel.h).  Each message is a struct
 * qemu_report.  The first report has QEMU_READY and two descriptors: /dev/fuse,
 * already mounted, and a connection to the socket on which qemu-nbd listens.  If a step fails, a
 * report names it.  A successful exec closes the socket without a second report.
 */
#ifndef BOOTSHIFT_QEMU_CHILD_H
#define BOOTSHIFT_QEMU_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "cage/cage.h"
#include "qemu/qemu-file.h"
#include "util/process.h"

/* The folder with the staged image and its parents (qemu-file.h), in the mount namespace of the
 * child. */
#define QEMU_FOLDER "/tmp"
#define QEMU_IMAGE  QEMU_FOLDER "/" QEMU_FILE_IMAGE

enum qemu_step {
	QEMU_READY,
	QEMU_NAMESPACES,
	QEMU_SOCKET,
	QEMU_FUSE,
	QEMU_MOUNT,
	QEMU_CONFINE,
	QEMU_EXECUTE,
};

struct qemu_report {
	enum qemu_step step; /* the step that failed, or QEMU_READY */
	int number;          /* errno of the failed step */
};

struct qemu_child {
	pid_t parent;
	int reports;          /* the child's end of the socketpair */
	int output, messages; /* become stdout and stderr */
	struct process_identity identity;
	const char *const *arguments; /* of the program, its name first, NULL at the end */
	bool writable;                /* whether the image can be written */
	struct cage cage;
};

/* Never returns.  Calls only functions that are safe after the fork of a process with threads. */
void qemu_child_run(const struct qemu_child *child) __attribute__((noreturn));

#endif
