/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens between the fork and the exec of QEMU.  The parent has one end of a
 * socketpair(AF_UNIX, SOCK_SEQPACKET).  If a step fails, the child reports it there, as a struct
 * machine_report.  A successful exec closes the socket without a report.
 */
#ifndef BOOTSHIFT_MACHINE_CHILD_H
#define BOOTSHIFT_MACHINE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "cage/cage.h"
#include "util/process.h"

/* The descriptors of QEMU besides the standard ones. */
enum {
	CHILD_DISK = 3,
	CHILD_MONITOR = 4,
	CHILD_PICTURE = 5,
};

#define CHILD_KVM "/dev/kvm"
#define NOBODY    65534 /* the user and the group without rights */

enum machine_step {
	MACHINE_STEP_NAMESPACES,
	MACHINE_STEP_MOUNTS,
	MACHINE_STEP_CONFINE,
	MACHINE_STEP_EXECUTE,
};

struct machine_report {
	enum machine_step step; /* the step that failed */
	int number;             /* errno */
};

struct machine_child {
	int reports, disk, monitor, picture, messages; /* the child's ends */
	bool kvm;                                      /* QEMU may use CHILD_KVM */
	gid_t kvm_group;                               /* of CHILD_KVM */
	struct process_identity identity;              /* in a user namespace of its own */
	const char *const *arguments; /* of the program, its name first, NULL at the end */
	struct cage cage;
};

/*
 * Forks into namespaces for processes, mounts, the network and System V IPC; the child is the first
 * process of the first of these.  Returns like fork(2).
 */
pid_t machine_child_fork(bool *own_user_namespace);

/*
 * Runs in the child and never returns.  Calls only functions that are safe after the fork of a
 * process with threads.
 */
void machine_child_run(const struct machine_child *child, bool own_user_namespace)
	__attribute__((noreturn));

#endif
