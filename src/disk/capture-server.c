/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parent's side of starting and ending qemu-nbd; capture-child.c is the other one. */
#include "disk/capture-server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/capture-child.h"

/* ---- starting ----------------------------------------------------------------------------- */

/* The absolute path of a program, as execvp(3) finds it; the caller frees it.  NULL: none. */
static char *find_program(const char *name)
{
	const char *folder = getenv("PATH"), *end;
	char *path, *found = NULL;

	if (strchr(name, '/'))
		return realpath(name, NULL);
	for (; folder && !found; folder = *end ? end + 1 : NULL) {
		end = strchrnul(folder, ':');
		if (end == folder || *folder != '/') /* a folder that depends on where we are */
			continue;
		if (asprintf(&path, "%.*s/%s", (int)(end - folder), folder, name) < 0)
			return NULL;
		if (access(path, X_OK) == 0)
			found = realpath(path, NULL);
		free(path);
	}
	return found;
}

/* What each step of the child needs that not every machine has. */
static int fail_step(const struct capture_report *report, struct bs_error *err)
{
	errno = report->number;
	switch (report->step) {
	case CAPTURE_NAMESPACES:
		return fail_errno(err, BS_FORMAT_UNSUPPORTED,
				  "qemu-nbd, which this format needs, cannot be confined (needs "
				  "root, or a system that lets users make namespaces)");
	case CAPTURE_FUSE:
		return fail_errno(err, BS_FORMAT_UNSUPPORTED,
				  "/dev/fuse, which this format needs, cannot be opened (needs the "
				  "kernel's module fuse, and permission)");
	case CAPTURE_MOUNT:
		return fail_errno(err, BS_FORMAT_UNSUPPORTED,
				  "the image cannot be shown to qemu-nbd, which this format needs "
				  "(needs root, or a system that lets users mount by FUSE)");
	case CAPTURE_SOCKET:
		return fail_errno(err, BS_WORKER, "cannot make a connection to qemu-nbd");
	case CAPTURE_CONFINE:
		return fail_errno(err, BS_WORKER, "cannot confine qemu-nbd");
	default:
		return fail_errno(err, BS_WORKER, "cannot start qemu-nbd");
	}
}

/* Takes the two descriptors that come with the child's first report. */
static bool take_descriptors(struct capture_server *server, struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int descriptors[2];

	if (!header || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(descriptors)))
		return false;
	memcpy(descriptors, CMSG_DATA(header), sizeof(descriptors));
	server->fuse = descriptors[0];
	server->connection = descriptors[1];
	return true;
}

/* Receives one report; *ended is set instead when the child has closed its end. */
static int receive(struct capture_server *server, int reports, int patience, bool *ended,
		   struct bs_error *err)
{
	struct pollfd waiting = {.fd = reports, .events = POLLIN};
	struct capture_report report;
	struct iovec part = {&report, sizeof(report)};
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr alignment;
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t received;
	int ready;

	do
		ready = poll(&waiting, 1, patience);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return fail(err, BS_WORKER, "qemu-nbd has not started within %d milliseconds",
			    patience);
	received = recvmsg(reports, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*ended = received == 0;
	if (received == 0)
		return 0;
	if (received != (ssize_t)sizeof(report))
		return fail_errno(err, BS_WORKER, "cannot hear from qemu-nbd");
	if (report.step != CAPTURE_READY)
		return fail_step(&report, err);
	return take_descriptors(server, &message)
		       ? 0
		       : fail(err, BS_WORKER, "got no connection to qemu-nbd");
}

/* One report to say that all is made, and the end of the socket to say that qemu-nbd runs. */
static int hear_of_start(struct capture_server *server, int reports, int patience,
			 struct bs_error *err)
{
	bool ended = false;

	if (receive(server, reports, patience, &ended, err) < 0)
		return -1;
	if (!ended && receive(server, reports, patience, &ended, err) < 0)
		return -1;
	return ended && server->fuse >= 0
		       ? 0
		       : fail(err, BS_WORKER, "the process for qemu-nbd ended before its start");
}

static int start(struct capture_server *server, struct capture_child *child, int patience,
		 struct bs_error *err)
{
	int reports[2] = {-1, -1}, messages[2] = {-1, -1};
	int result = -1;

	/* A full pipe must not stop qemu-nbd: it loses what it wants to say then. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) < 0 ||
	    pipe2(messages, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail_errno(err, BS_WORKER, "cannot make a channel to qemu-nbd");
		goto out;
	}
	child->parent = getpid();
	child->reports = reports[1];
	child->messages = messages[1];
	server->process = fork();
	if (server->process == 0)
		capture_child_run(child);
	if (server->process < 0) {
		fail_errno(err, BS_WORKER, "cannot start a process");
		goto out;
	}
	server->ended = false;
	server->messages = messages[0];
	messages[0] = -1;
	close(reports[1]); /* so that the end of the child's is the end */
	reports[1] = -1;
	result = hear_of_start(server, reports[0], patience, err);
out:
	for (int i = 0; i < 2; i++) {
		if (reports[i] >= 0)
			close(reports[i]);
		if (messages[i] >= 0)
			close(messages[i]);
	}
	return result;
}

int capture_server_start(struct capture_server *server, const char *program,
			 const char *image_options, int patience, struct bs_error *err)
{
	struct capture_child child = {.image_options = image_options};
	char *path = find_program(program);
	int result;

	*server = (struct capture_server){
		.ended = true, .fuse = -1, .connection = -1, .messages = -1};
	if (!path)
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "%s, which this format needs, is not installed (package qemu-utils)",
			    program);
	child.program = path;
	snprintf(child.user_map, sizeof(child.user_map), "0 %u 1\n", geteuid());
	snprintf(child.group_map, sizeof(child.group_map), "0 %u 1\n", getegid());
	result = capture_confine_prepare(&child.confine, err);
	if (result == 0) {
		result = start(server, &child, patience, err);
		capture_confine_free(&child.confine);
	}
	if (result < 0)
		capture_server_end(server);
	free(path);
	return result;
}

/* ---- how it is doing ---------------------------------------------------------------------- */

static void reap(struct capture_server *server, int options)
{
	pid_t process;

	if (server->ended)
		return;
	do
		process = waitpid(server->process, &server->status, options);
	while (process < 0 && errno == EINTR);
	server->ended = process != 0;
}

bool capture_server_wait(struct capture_server *server, int milliseconds)
{
	struct pollfd waiting = {.events = POLLIN};

	reap(server, WNOHANG);
	if (server->ended)
		return true;
	waiting.fd = (int)syscall(SYS_pidfd_open, server->process, 0);
	if (waiting.fd < 0)
		return false;
	while (poll(&waiting, 1, milliseconds) < 0 && errno == EINTR)
		;
	close(waiting.fd);
	reap(server, WNOHANG);
	return server->ended;
}

/* Keeps the last line that has something in it. */
static void take_line(struct capture_server *server, const char *line, size_t length)
{
	static const char name[] = "qemu-nbd: ";

	if (length >= sizeof(name) - 1 && memcmp(line, name, sizeof(name) - 1) == 0) {
		line += sizeof(name) - 1;
		length -= sizeof(name) - 1;
	}
	if (length > 0)
		snprintf(server->said, sizeof(server->said), "%.*s", (int)length, line);
}

void capture_server_listen(struct capture_server *server)
{
	char text[4096], *line = text, *end;
	ssize_t length;

	/* The pipe has 64 KiB, and the writer may fill it again: the first page will do. */
	length = read(server->messages, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = '\0';
	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		take_line(server, line, (size_t)(end - line));
	}
}

int capture_server_blame(struct capture_server *server, struct bs_error *err)
{
	const char *colon;

	capture_server_listen(server);
	colon = server->said[0] ? ": " : "";
	if (!server->ended)
		return fail(err, BS_WORKER, "qemu-nbd does not answer%s%s", colon, server->said);
	if (WIFSIGNALED(server->status))
		return fail(err, BS_WORKER, "qemu-nbd was ended by signal %d (%s)%s%s",
			    WTERMSIG(server->status), strsignal(WTERMSIG(server->status)), colon,
			    server->said);
	return fail(err, BS_WORKER, "qemu-nbd ended with status %d%s%s",
		    WEXITSTATUS(server->status), colon, server->said);
}

/* ---- ending ------------------------------------------------------------------------------- */

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

void capture_server_end(struct capture_server *server)
{
	close_descriptor(&server->connection);
	close_descriptor(&server->fuse);
	if (!server->ended) {
		kill(server->process, SIGKILL);
		reap(server, 0);
	}
	close_descriptor(&server->messages);
}
