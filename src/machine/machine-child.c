/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing has to be cleaned up, however this process ends: it writes to no file, and it does not
 * survive its parent.
 *
 * Root stays in the user namespace of the parent, and becomes "nobody" for good before the exec.
 * Another user needs a user namespace to make the others; its only user is "nobody", too, so the
 * exec takes the capabilities away.
 */
#include "machine/machine-child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPORTS 6

/* ---- the fork ------------------------------------------------------------------------------ */

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)

/* As fork(2), but glibc has no function for that. */
static pid_t machine_child_clone(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t machine_child_fork(bool *own_user_namespace)
{
	pid_t pid = -1;

	*own_user_namespace = false;
	if (geteuid() == 0)
		pid = machine_child_clone(NAMESPACES);
	if (pid >= 0)
		return pid;
	*own_user_namespace = true;
	return machine_child_clone(NAMESPACES | CLONE_NEWUSER);
}

/* ---- descriptors --------------------------------------------------------------------------- */

/* Puts the descriptors into their places and closes all others. */
static int machine_child_arrange_descriptors(const struct machine_child *child)
{
	const int wanted[] = {
		[STDIN_FILENO] = open("/dev/null", O_RDONLY | O_CLOEXEC),
		[STDOUT_FILENO] = child->messages,
		[STDERR_FILENO] = child->messages,
		[CHILD_DISK] = child->disk,
		[CHILD_MONITOR] = child->monitor,
		[CHILD_PICTURE] = child->picture,
		[REPORTS] = child->reports,
	};
	const int count = sizeof(wanted) / sizeof(wanted[0]);
	int moved[sizeof(wanted) / sizeof(wanted[0])]; /* out of the way of each other */

	for (int i = 0; i < count; i++) {
		moved[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, count);
		if (moved[i] < 0)
			return -1;
	}
	for (int i = 0; i < count; i++)
		if (dup3(moved[i], i, i == REPORTS ? O_CLOEXEC : 0) < 0)
			return -1;
	return close_range(count, ~0u, 0);
}

/* ---- users and mounts ---------------------------------------------------------------------- */

/*
 * Root gives up all its rights but that to use KVM.  glibc's functions would wait for the other
 * threads of the parent, which this process does not have.
 */
static int machine_child_become_nobody(const struct machine_child *child)
{
	if (syscall(SYS_setgroups, child->kvm ? 1 : 0, &child->kvm_group) < 0 ||
	    syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
}

/* The device for KVM becomes a mount of its own, which is the only one that can be written to. */
static int machine_child_arrange_mounts(const struct machine_child *child)
{
	struct mount_attr usable = {.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (child->kvm && mount(CHILD_KVM, CHILD_KVM, NULL, MS_BIND, NULL) < 0)
		return -1;
	if (cage_protect_mounts() < 0)
		return -1;
	if (child->kvm &&
	    syscall(SYS_mount_setattr, -1, CHILD_KVM, 0, &usable, sizeof(usable)) < 0 &&
	    errno != ENOSYS)
		return -1;
	return chdir("/");
}

/* ---- all together -------------------------------------------------------------------------- */

static void machine_child_give_up(enum machine_step step) __attribute__((noreturn));

static void machine_child_give_up(enum machine_step step)
{
	struct machine_report report = {.step = step, .number = errno};

	/* If the parent has gone, nobody needs the report. */
	(void)!send(REPORTS, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(1);
}

/*
 * The kernel forgets the setting when the user changes.  If the parent ended before, its end of the
 * socket is closed.
 */
static void machine_child_end_with_parent(void)
{
	struct machine_report nothing;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		machine_child_give_up(MACHINE_STEP_CONFINE);
	if (recv(REPORTS, &nothing, sizeof(nothing), MSG_DONTWAIT) == 0)
		_exit(1);
}

void machine_child_run(const struct machine_child *child, bool own_user_namespace)
{
	static const char *const environment[] = {"LC_ALL=C", NULL};

	if (machine_child_arrange_descriptors(child) < 0)
		_exit(1);
	process_leave_signals();
	if (own_user_namespace && process_take_identity(&child->identity) < 0)
		machine_child_give_up(MACHINE_STEP_NAMESPACES);
	if (machine_child_arrange_mounts(child) < 0)
		machine_child_give_up(MACHINE_STEP_MOUNTS);
	if (cage_enter(&child->cage) < 0)
		machine_child_give_up(MACHINE_STEP_CONFINE);
	if (!own_user_namespace && machine_child_become_nobody(child) < 0)
		machine_child_give_up(MACHINE_STEP_CONFINE);
	machine_child_end_with_parent();
	/* execve() does not change the strings; its prototype only lacks the const. */
	execve(child->cage.program, (char *const *)child->arguments, (char *const *)environment);
	machine_child_give_up(MACHINE_STEP_EXECUTE);
}
