/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing has to be cleaned up, however this process ends: the mount is in its own mount namespace,
 * the socket has an abstract name in its own network namespace, and the process does not survive
 * its parent.
 *
 * The FUSE file system covers /tmp: a program of QEMU has no other use for that folder.
 */
#include "qemu/qemu-child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/channel.h"
#include "util/process.h"

/* Descriptors besides the standard ones.  systemd's protocol for handing over sockets, which
 * qemu-nbd speaks, begins at 3 (sd_listen_fds(3)). */
enum {
	LISTENER = 3,
	REPORTS = 4,
};

/* ---- descriptors -------------------------------------------------------------------------- */

/* Sets up the standard descriptors and REPORTS, and closes all others. */
static int qemu_child_arrange_descriptors(const struct qemu_child *child)
{
	int reports = fcntl(child->reports, F_DUPFD_CLOEXEC, REPORTS + 1);
	int nothing;

	if (reports < 0 || dup2(child->messages, STDERR_FILENO) < 0 ||
	    dup2(child->output, STDOUT_FILENO) < 0 || dup3(reports, REPORTS, O_CLOEXEC) < 0)
		return -1;
	close(LISTENER);
	nothing = open("/dev/null", O_RDONLY);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		return -1;
	close(LISTENER);
	return close_range(REPORTS + 1, ~0u, 0);
}

/* ---- namespaces --------------------------------------------------------------------------- */

/*
 * In a user namespace the capabilities for mounting have no effect outside of the namespace.  If no
 * user namespace is permitted, only root can go on, with the capabilities that root has.
 */
static int qemu_child_enter_namespaces(const struct qemu_child *child)
{
	const int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;

	if (unshare(flags | CLONE_NEWUSER) == 0) {
		if (process_take_identity(&child->identity) < 0)
			return -1;
	} else if (unshare(flags) < 0) {
		return -1;
	}
	return process_end_with_parent(child->parent);
}

/* ---- the socket --------------------------------------------------------------------------- */

/* Makes LISTENER and the first connection to it.  qemu-nbd serves only one connection.  LISTENER is
 * hidden from other programs. */
static int qemu_child_make_socket(int *connection)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	*connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener != LISTENER || *connection < 0)
		return -1;
	/* For an empty name the kernel chooses an abstract name (unix(7), "autobind"). */
	if (bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		return -1;
	return connect(*connection, (struct sockaddr *)&address, length);
}

/* ---- mounts ------------------------------------------------------------------------------- */

/* Options: see mount.fuse(8).  The kernel lets only user 0 of this namespace use the mount. */
static int qemu_child_mount_files(int fuse, bool writable)
{
	const unsigned long protection =
		MS_NODEV | MS_NOSUID | MS_NOEXEC | (writable ? 0 : MS_RDONLY);
	char options[80];

	if (cage_protect_mounts() < 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40500,user_id=0,group_id=0", fuse);
	if (mount("bootshift", QEMU_FOLDER, "fuse.bootshift", protection, options) < 0)
		return -1;
	return chdir("/");
}

/* ---- reports ------------------------------------------------------------------------------ */

static int qemu_child_send_ready(int fuse, int connection)
{
	struct qemu_report report = {.step = QEMU_READY};
	const int descriptors[] = {fuse, connection};

	return channel_send(REPORTS, &report, sizeof(report), descriptors, 2);
}

static void qemu_child_give_up(enum qemu_step step) __attribute__((noreturn));

static void qemu_child_give_up(enum qemu_step step)
{
	struct qemu_report report = {.step = step, .number = errno};

	/* If the parent has gone, nobody needs the report. */
	(void)!channel_send(REPORTS, &report, sizeof(report), NULL, 0);
	_exit(1);
}

/* ---- all together ------------------------------------------------------------------------- */

/*
 * Variables of the C library, see mallopt(3): freed memory is kept for the next request.  Otherwise
 * each request costs a page fault for every page of its buffer.
 */
#define KEEP_BUFFERS "MALLOC_MMAP_THRESHOLD_=33554432" /* bytes; the longest buffer that is kept */
#define KEEP_HEAP    "MALLOC_TRIM_THRESHOLD_=67108864" /* bytes that are free and kept */

/* Returns only on error.  The program does not inherit the parent's environment. */
static void qemu_child_execute(const struct qemu_child *child)
{
	char process[32];
	const char *const environment[] = {process,      "LISTEN_FDS=1", "LC_ALL=C",
					   KEEP_BUFFERS, KEEP_HEAP,      NULL};

	snprintf(process, sizeof(process), "LISTEN_PID=%d", (int)getpid());
	/* execve() does not change the strings; its prototype only lacks the const. */
	execve(child->cage.program, (char *const *)child->arguments, (char *const *)environment);
}

void qemu_child_run(const struct qemu_child *child)
{
	int fuse, connection;

	if (qemu_child_arrange_descriptors(child) < 0)
		_exit(1);
	process_leave_signals();
	if (qemu_child_enter_namespaces(child) < 0)
		qemu_child_give_up(QEMU_NAMESPACES);
	if (qemu_child_make_socket(&connection) < 0)
		qemu_child_give_up(QEMU_SOCKET);
	/* The kernel demands that /dev/fuse is opened in the user namespace of the mount. */
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		qemu_child_give_up(QEMU_FUSE);
	if (qemu_child_mount_files(fuse, child->writable) < 0)
		qemu_child_give_up(QEMU_MOUNT);
	if (qemu_child_send_ready(fuse, connection) < 0)
		qemu_child_give_up(QEMU_SOCKET);
	/* The files are served only once the program runs, so Landlock looks up only their folder. */
	close(fuse);
	close(connection);
	if (cage_enter(&child->cage) < 0)
		qemu_child_give_up(QEMU_CONFINE);
	qemu_child_execute(child);
	qemu_child_give_up(QEMU_EXECUTE);
}
