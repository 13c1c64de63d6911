/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child's side of starting a program of QEMU: what happens between fork and exec, and how the
 * parent hears of it.
 *
 * The parent has one end of a socketpair(AF_UNIX, SOCK_SEQPACKET), each message a struct
 * capture_report.  The first has CAPTURE_READY and two descriptors with it (SCM_RIGHTS): that of
 * /dev/fuse, mounted, and a connection to the socket that qemu-nbd would listen on.  If there is
 * another, it says what went wrong; the exec closes the socket without.
 */
#ifndef BOOTSHIFT_CAPTURE_CHILD_H
#define BOOTSHIFT_CAPTURE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "qemu/capture-confine.h"

/* The staged image, in the mount namespace of the child. */
#define CAPTURE_IMAGE "/tmp/image"

enum capture_step {
	CAPTURE_READY,
	CAPTURE_NAMESPACES,
	CAPTURE_SOCKET,
	CAPTURE_FUSE,
	CAPTURE_MOUNT,
	CAPTURE_CONFINE,
	CAPTURE_EXECUTE,
};

struct capture_report {
	enum capture_step step; /* the one that failed, or CAPTURE_READY */
	int number;             /* its errno */
};

struct capture_child {
	pid_t parent;
	int reports;                      /* the child's end of the socketpair */
	int output, messages;             /* become stdout and stderr */
	char user_map[32], group_map[32]; /* for /proc/self/uid_map and gid_map */
	const char *program;              /* its absolute path */
	const char *const *arguments;     /* for it, its name first; NULL behind the last */
	bool writable;                    /* whether the image can be written */
	struct capture_confinement confine;
};

/* Never returns.  Calls only what is allowed after a fork of a process with several threads. */
void capture_child_run(const struct capture_child *child) __attribute__((noreturn));

#endif
