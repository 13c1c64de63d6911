/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that is made here ends with this process, however the process ends: the mount is in
 * its mount namespace, the socket has an abstract name in its network namespace, and the process
 * does not survive its parent.  So nothing has to be cleaned up.
 *
 * The root of the FUSE file system is a regular file, so it is mounted on a file, in a small tmpfs
 * over /tmp.
 */
#include "qemu/qemu-child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/signals.h"

/* Descriptors besides the standard ones.  systemd's protocol for handing over sockets, which
 * qemu-nbd speaks, begins at 3 (sd_listen_fds(3)). */
enum {
	LISTENER = 3,
	REPORTS = 4,
};

/* ---- descriptors -------------------------------------------------------------------------- */

/* Leaves nothing open but the standard descriptors and REPORTS. */
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

/* A signal to the terminal's foreground group is for the parent to handle. */
static void qemu_child_arrange_signals(void)
{
	signals_release_all();
	signals_reset(SIGPIPE);
	setsid();
}

/* ---- namespaces --------------------------------------------------------------------------- */

static int qemu_child_write_file(const char *path, const char *text)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;

	if (descriptor < 0)
		return -1;
	written = write(descriptor, text, strlen(text));
	close(descriptor);
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

/*
 * In a user namespace the capabilities that are needed for the mounts are worth nothing outside of
 * it.  Where there may be none, root has them anyway.
 */
static int qemu_child_enter_namespaces(const struct qemu_child *child)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0) {
		if (qemu_child_write_file("/proc/self/setgroups", "deny") < 0 ||
		    qemu_child_write_file("/proc/self/uid_map", child->user_map) < 0 ||
		    qemu_child_write_file("/proc/self/gid_map", child->group_map) < 0)
			return -1;
	} else if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0) {
		return -1;
	}
	/* After the change of the user namespace, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != child->parent) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

/* ---- the socket --------------------------------------------------------------------------- */

/* Makes LISTENER, and a connection to it: the first, and qemu-nbd serves only one.  Other programs
 * know nothing of it. */
static int qemu_child_make_socket(int *connection)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	*connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener != LISTENER || *connection < 0)
		return -1;
	/* A name of no length makes the kernel choose an abstract one (unix(7), "autobind"). */
	if (bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		return -1;
	return connect(*connection, (struct sockaddr *)&address, length);
}

/* ---- mounts ------------------------------------------------------------------------------- */

/*
 * Nothing in this namespace can be written any more, and no device opened, except what is mounted
 * after this.  Kernels before 5.12 cannot do it; there Landlock or its absence has the last word.
 */
static int qemu_child_make_read_only(void)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
	};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (syscall(SYS_mount_setattr, -1, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		return errno == ENOSYS ? 0 : -1;
	return 0;
}

static int qemu_child_make_mount_point(void)
{
	int descriptor;

	if (mount("bootshift", "/tmp", "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  "size=4k,nr_inodes=4,mode=700") < 0)
		return -1;
	descriptor = open(QEMU_IMAGE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (descriptor < 0)
		return -1;
	return close(descriptor);
}

/* The options are those of mount.fuse(8); the kernel lets only user 0 of this namespace in. */
static int qemu_child_mount_image(int fuse, bool writable)
{
	const unsigned long protection =
		MS_NODEV | MS_NOSUID | MS_NOEXEC | (writable ? 0 : MS_RDONLY);
	char options[80];

	if (qemu_child_make_read_only() < 0 || qemu_child_make_mount_point() < 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=100600,user_id=0,group_id=0", fuse);
	if (mount("bootshift", QEMU_IMAGE, "fuse.bootshift", protection, options) < 0)
		return -1;
	return chdir("/");
}

/* ---- reports ------------------------------------------------------------------------------ */

static int qemu_child_send_ready(int fuse, int connection)
{
	struct qemu_report report = {.step = QEMU_READY};
	struct iovec part = {&report, sizeof(report)};
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr alignment;
	} control = {0};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), (int[]){fuse, connection}, 2 * sizeof(int));
	return sendmsg(REPORTS, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void qemu_child_give_up(enum qemu_step step) __attribute__((noreturn));

static void qemu_child_give_up(enum qemu_step step)
{
	struct qemu_report report = {.step = step, .number = errno};

	/* If nobody hears it any more, nobody needs it. */
	(void)!send(REPORTS, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(1);
}

/* ---- all together ------------------------------------------------------------------------- */

/* Returns only when it fails.  The environment is all there is of the parent's: nothing. */
static void qemu_child_execute(const struct qemu_child *child)
{
	char process[32];
	const char *const environment[] = {process, "LISTEN_FDS=1", "LC_ALL=C", NULL};

	snprintf(process, sizeof(process), "LISTEN_PID=%d", (int)getpid());
	/* exec changes none of the strings; its type is older than const. */
	execve(child->program, (char *const *)child->arguments, (char *const *)environment);
}

void qemu_child_run(const struct qemu_child *child)
{
	int fuse, connection;

	if (qemu_child_arrange_descriptors(child) < 0)
		_exit(1);
	qemu_child_arrange_signals();
	if (qemu_child_enter_namespaces(child) < 0)
		qemu_child_give_up(QEMU_NAMESPACES);
	if (qemu_child_make_socket(&connection) < 0)
		qemu_child_give_up(QEMU_SOCKET);
	/* Opened in the user namespace that it is mounted in, as the kernel demands. */
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		qemu_child_give_up(QEMU_FUSE);
	if (qemu_child_mount_image(fuse, child->writable) < 0)
		qemu_child_give_up(QEMU_MOUNT);
	if (qemu_child_send_ready(fuse, connection) < 0)
		qemu_child_give_up(QEMU_SOCKET);
	/* The parent serves by now, or is about to: Landlock may look at the image. */
	close(fuse);
	close(connection);
	if (qemu_confine_self(&child->confine, child->program, QEMU_IMAGE) < 0)
		qemu_child_give_up(QEMU_CONFINE);
	qemu_child_execute(child);
	qemu_child_give_up(QEMU_EXECUTE);
}
