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
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/signals.h"

#define NOBODY  65534 /* the user and the group without rights */
#define REPORTS 6

/* ---- the fork ------------------------------------------------------------------------------ */

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)

/* As fork(2), but glibc has no function for that. */
static pid_t child_clone(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t machine_child_fork(bool *own_user_namespace)
{
	pid_t pid = -1;

	*own_user_namespace = false;
	if (geteuid() == 0)
		pid = child_clone(NAMESPACES);
	if (pid >= 0)
		return pid;
	*own_user_namespace = true;
	return child_clone(NAMESPACES | CLONE_NEWUSER);
}

/* ---- descriptors and signals --------------------------------------------------------------- */

/* Puts the descriptors into their places and closes all others.  All of them lie above REPORTS. */
static int child_arrange_descriptors(const struct machine_child *child)
{
	const int wanted[] = {-1,
			      child->messages,
			      child->messages,
			      child->disk,
			      child->monitor,
			      child->picture,
			      child->reports};
	const int count = sizeof(wanted) / sizeof(wanted[0]);
	int moved[sizeof(wanted) / sizeof(wanted[0])];

	for (int i = 0; i < count; i++) {
		moved[i] = i == STDIN_FILENO ? open("/dev/null", O_RDONLY | O_CLOEXEC)
					     : fcntl(wanted[i], F_DUPFD_CLOEXEC, count);
		if (moved[i] < 0)
			return -1;
	}
	for (int i = 0; i < count; i++)
		if (moved[i] != i && dup3(moved[i], i, i == REPORTS ? O_CLOEXEC : 0) < 0)
			return -1;
	return close_range(REPORTS + 1, ~0u, 0);
}

/* setsid(): only the parent gets the signals to the terminal's foreground group. */
static void child_arrange_signals(void)
{
	signals_release_all();
	signals_reset(SIGPIPE);
	setsid();
}

/* ---- users and mounts ---------------------------------------------------------------------- */

static int child_write_file(const char *path, const char *text)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = descriptor < 0 ? -1 : write(descriptor, text, strlen(text));

	if (descriptor >= 0)
		close(descriptor);
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int child_map_users(const struct machine_child *child)
{
	char users[32], groups[32];

	snprintf(users, sizeof(users), "%d %u 1\n", NOBODY, child->user);
	snprintf(groups, sizeof(groups), "%d %u 1\n", NOBODY, child->group);
	if (child_write_file("/proc/self/setgroups", "deny") < 0 ||
	    child_write_file("/proc/self/uid_map", users) < 0 ||
	    child_write_file("/proc/self/gid_map", groups) < 0)
		return -1;
	return 0;
}

/*
 * Root gives up all its rights but that to use KVM.  glibc's functions would wait for the other
 * threads of the parent, which this process does not have.
 */
static int child_become_nobody(const struct machine_child *child)
{
	if (syscall(SYS_setgroups, child->kvm ? 1 : 0, &child->kvm_group) < 0 ||
	    syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
}

/* The device for KVM becomes a mount of its own, which is the only one that can be written to. */
static int child_arrange_mounts(const struct machine_child *child)
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

static void child_give_up(enum machine_step step) __attribute__((noreturn));

static void child_give_up(enum machine_step step)
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
static void child_end_with_parent(void)
{
	struct machine_report nothing;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_give_up(MACHINE_STEP_CONFINE);
	if (recv(REPORTS, &nothing, sizeof(nothing), MSG_DONTWAIT) == 0)
		_exit(1);
}

void machine_child_run(const struct machine_child *child, bool own_user_namespace)
{
	static const char *const environment[] = {"LC_ALL=C", NULL};

	if (child_arrange_descriptors(child) < 0)
		_exit(1);
	child_arrange_signals();
	if (own_user_namespace && child_map_users(child) < 0)
		child_give_up(MACHINE_STEP_NAMESPACES);
	if (child_arrange_mounts(child) < 0)
		child_give_up(MACHINE_STEP_MOUNTS);
	if (cage_enter(&child->cage) < 0)
		child_give_up(MACHINE_STEP_CONFINE);
	if (!own_user_namespace && child_become_nobody(child) < 0)
		child_give_up(MACHINE_STEP_CONFINE);
	child_end_with_parent();
	/* execve() does not change the strings; its prototype only lacks the const. */
	execve(child->cage.program, (char *const *)child->arguments, (char *const *)environment);
	child_give_up(MACHINE_STEP_EXECUTE);
}
