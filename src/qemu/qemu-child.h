/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child's side of starting a program of QEMU: what happens between fork and exec, and what the
 * child reports to its parent.
 *
 * The parent has one end of a socketpair(AF_UNIX, SOCK_SEQPACKET).  Each message is a struct
 * qemu_report.  The first one has QEMU_READY and two descriptors (SCM_RIGHTS): that of /dev/fuse,
 * mounted, and a connection to the socket on which qemu-nbd listens.  A second one says what went
 * wrong.  A successful exec closes the socket without a second report.
 */
#ifndef BOOTSHIFT_QEMU_CHILD_H
#define BOOTSHIFT_QEMU_CHILD_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

/* The staged image, in the mount namespace of the child. */
#define QEMU_IMAGE "/tmp/image"

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
	enum qemu_step step; /* the one that failed, or QEMU_READY */
	int number;          /* its errno */
};

struct qemu_confinement {
	struct sock_fprog filter;
};

struct qemu_child {
	pid_t parent;
	int reports;                      /* the child's end of the socketpair */
	int output, messages;             /* become stdout and stderr */
	char user_map[32], group_map[32]; /* for /proc/self/uid_map and gid_map */
	const char *program;              /* its absolute path */
	const char *const *arguments;     /* for it, its name first; NULL behind the last */
	bool writable;                    /* whether the image can be written */
	struct qemu_confinement confine;
};

/* Never returns.  Calls only what is allowed after a fork of a process with several threads. */
void qemu_child_run(const struct qemu_child *child) __attribute__((noreturn));

/* ---- the confinement (qemu-confine.c) ------------------------------------------------------ */

/*
 * What a program of QEMU may still do: compute, within limits of memory and time; read and execute
 * what is installed; read and write the staged image; answer on the connection that it was given.
 *
 * The layers overlap on purpose.  Namespaces (qemu-child.c) take away the network and the mounts,
 * Landlock, where the kernel has it, all files but those named, the filter the system calls that
 * reach around both.  qemu_confine_prepare() makes everything that needs memory, because the rest
 * happens between a fork and an exec.
 */

/* Errors: BS_NO_MEMORY, BS_WORKER.  Freed with qemu_confine_free() if it succeeds. */
MUST_CHECK int qemu_confine_prepare(struct qemu_confinement *confinement, struct bs_error *err);
void qemu_confine_free(struct qemu_confinement *confinement);

/*
 * Confines the calling process, for good, also over an exec, to running `program` on `image` (both
 * paths).  The caller needs CAP_SETPCAP in its user namespace.  Async-signal-safe.  -1 with errno.
 */
MUST_CHECK int qemu_confine_self(const struct qemu_confinement *confinement, const char *program,
				 const char *image);

#endif
