/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parent's side of starting and ending a program; capture-child.c is the other one. */
#include "qemu/capture-server.h"

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

#include "qemu/capture-child.h"
#include "util/debug.h"

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
static int fail_step(const struct capture_server *server, const struct capture_report *report,
		     struct bs_error *err)
{
	const char *name = server->name;

	errno = report->number;
	switch (report->step) {
	case CAPTURE_NAMESPACES:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "%s, which this format needs, cannot be confined: this user may "
				  "not make namespaces",
				  name);
	case CAPTURE_FUSE:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "/dev/fuse, which this format needs, cannot be opened");
	case CAPTURE_MOUNT:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "the image cannot be shown to %s, which this format needs: this "
				  "user may not mount by FUSE",
				  name);
	case CAPTURE_SOCKET:
		return fail_errno(err, BS_WORKER, "cannot make a connection to %s", name);
	case CAPTURE_CONFINE:
		return fail_errno(err, BS_WORKER, "cannot confine %s", name);
	default:
		return fail_errno(err, BS_WORKER, "cannot start %s", name);
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
		return fail(err, BS_WORKER, "%s has not started within %d milliseconds",
			    server->name, patience);
	received = recvmsg(reports, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*ended = received == 0;
	if (received == 0)
		return 0;
	if (received != (ssize_t)sizeof(report))
		return fail_errno(err, BS_WORKER, "cannot hear from %s", server->name);
	if (report.step != CAPTURE_READY)
		return fail_step(server, &report, err);
	return take_descriptors(server, &message)
		       ? 0
		       : fail(err, BS_WORKER, "got no connection to %s", server->name);
}

/* One report to say that all is made, and the end of the socket to say that the program runs. */
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
		       : fail(err, BS_WORKER, "the process for %s ended before its start",
			      server->name);
}

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static int start(struct capture_server *server, struct capture_child *child, int patience,
		 struct bs_error *err)
{
	int reports[2] = {-1, -1}, output[2] = {-1, -1}, messages[2] = {-1, -1};
	int result = -1;

	/* A full pipe must not stop the program: it loses what it wants to say then. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) < 0 ||
	    pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(messages, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail_errno(err, BS_WORKER, "cannot make a channel to %s", server->name);
		goto out;
	}
	child->parent = getpid();
	child->reports = reports[1];
	child->output = output[1];
	child->messages = messages[1];
	server->process = fork();
	if (server->process == 0)
		capture_child_run(child);
	if (server->process < 0) {
		fail_errno(err, BS_WORKER, "cannot start a process");
		goto out;
	}
	server->ended = false;
	server->output = output[0];
	server->messages = messages[0];
	output[0] = messages[0] = -1;
	close_descriptor(&reports[1]); /* so that the end of the child's is the end */
	result = hear_of_start(server, reports[0], patience, err);
out:
	for (int i = 0; i < 2; i++) {
		close_descriptor(&reports[i]);
		close_descriptor(&output[i]);
		close_descriptor(&messages[i]);
	}
	return result;
}

/* Nobody else sees the file, so QEMU's locks on it are of no use; they would take other files. */
char *capture_server_image(const char *driver, const char *driver_options, struct bs_error *err)
{
	char *image;

	if (asprintf(&image,
		     "driver=%s%s%s,file.driver=file,file.locking=off,file.filename=" CAPTURE_IMAGE,
		     driver, driver_options ? "," : "", driver_options ? driver_options : "") < 0) {
		fail(err, BS_NO_MEMORY, "no memory to open the image");
		return NULL;
	}
	return image;
}

int capture_server_start(struct capture_server *server, const char *const *arguments, bool writable,
			 int patience, struct bs_error *err)
{
	struct capture_child child = {.arguments = arguments, .writable = writable};
	char *path = find_program(arguments[0]);
	int result;

	*server = (struct capture_server){
		.name = basename(arguments[0]),
		.ended = true,
		.fuse = -1,
		.connection = -1,
		.output = -1,
		.messages = -1,
	};
	if (!path)
		return fail(err, BS_DRIVER_UNUSABLE,
			    "%s, which this format needs, is not installed", server->name);
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
	size_t name = strlen(server->name);

	if (length >= name + 2 && memcmp(line, server->name, name) == 0 &&
	    memcmp(line + name, ": ", 2) == 0) {
		line += name + 2;
		length -= name + 2;
	}
	if (length == 0)
		return;
	snprintf(server->said, sizeof(server->said), "%.*s", (int)length, line);
	debug_print(DEBUG_STEPS, "%s: %.*s", server->name, (int)length, line);
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

/* qemu names the image first, in one way or another; what comes behind that is the reason. */
const char *capture_server_reason(const struct capture_server *server)
{
	static const char name[] = CAPTURE_IMAGE "': ";
	const char *reason = server->said, *next;

	while ((next = strstr(reason, name)))
		reason = next + sizeof(name) - 1;
	return *reason ? reason : "it does not say why";
}

int capture_server_blame(struct capture_server *server, struct bs_error *err)
{
	const char *colon;

	capture_server_listen(server);
	colon = server->said[0] ? ": " : "";
	if (!server->ended)
		return fail(err, BS_WORKER, "%s does not answer%s%s", server->name, colon,
			    server->said);
	if (WIFSIGNALED(server->status))
		return fail(err, BS_WORKER, "%s was ended by signal %d (%s)%s%s", server->name,
			    WTERMSIG(server->status), strsignal(WTERMSIG(server->status)), colon,
			    server->said);
	return fail(err, BS_WORKER, "%s ended with status %d%s%s", server->name,
		    WEXITSTATUS(server->status), colon, server->said);
}

/* ---- ending ------------------------------------------------------------------------------- */

void capture_server_end(struct capture_server *server)
{
	close_descriptor(&server->connection);
	close_descriptor(&server->fuse);
	if (!server->ended) {
		kill(server->process, SIGKILL);
		reap(server, 0);
	}
	capture_server_listen(server); /* for BOOTSHIFT_DEBUG */
	close_descriptor(&server->output);
	close_descriptor(&server->messages);
}
