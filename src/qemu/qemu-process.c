/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parent's side of starting and ending a program; qemu-child.c is the child's side. */
#include "qemu/qemu-process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qemu/qemu-child.h"
#include "util/channel.h"
#include "util/debug.h"

#define MEMORY_MAX  (2ull << 30) /* bytes of address space */
#define SECONDS_MAX 600          /* of processor time */

/* ---- starting ----------------------------------------------------------------------------- */

/* Describes the step of the child that failed.  Returns -1. */
static int qemu_process_fail_step(const struct qemu_process *process,
				  const struct qemu_report *report, struct bs_error *err)
{
	const char *name = process->name;

	errno = report->number;
	switch (report->step) {
	case QEMU_NAMESPACES:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "%s, which this format needs, cannot be confined: this user may "
				  "not make namespaces",
				  name);
	case QEMU_FUSE:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "/dev/fuse, which this format needs, cannot be opened");
	case QEMU_MOUNT:
		return fail_errno(err, BS_DRIVER_UNUSABLE,
				  "the image cannot be shown to %s, which this format needs: this "
				  "user may not mount by FUSE",
				  name);
	case QEMU_SOCKET:
		return fail_errno(err, BS_WORKER, "cannot make a connection to %s", name);
	case QEMU_CONFINE:
		return fail_errno(err, BS_WORKER, "cannot confine %s", name);
	default:
		return fail_errno(err, BS_WORKER, "cannot start %s", name);
	}
}

/* Receives one report, or sets *ended if the child has closed its end of the socket. */
static int qemu_process_receive(struct qemu_process *process, int reports, int patience,
				bool *ended, struct bs_error *err)
{
	struct qemu_report report;
	int descriptors[2];
	ssize_t received =
		channel_receive(reports, &report, sizeof(report), descriptors, 2, patience);

	*ended = received == 0;
	if (received == 0)
		return 0;
	if (received < 0 && errno == ETIMEDOUT)
		return fail(err, BS_WORKER, "%s has not started within %d milliseconds",
			    process->name, patience);
	if (received != (ssize_t)sizeof(report))
		return fail_errno(err, BS_WORKER, "cannot hear from %s", process->name);
	if (report.step != QEMU_READY)
		return qemu_process_fail_step(process, &report, err);
	process->fuse = descriptors[0];
	process->connection = descriptors[1];
	return process->connection >= 0
		       ? 0
		       : fail(err, BS_WORKER, "got no connection to %s", process->name);
}

/* Waits for QEMU_READY, and then for the socket's end, which shows that the program runs. */
static int qemu_process_wait_for_start(struct qemu_process *process, int reports, int patience,
				       struct bs_error *err)
{
	bool ended = false;

	if (qemu_process_receive(process, reports, patience, &ended, err) < 0)
		return -1;
	if (!ended && qemu_process_receive(process, reports, patience, &ended, err) < 0)
		return -1;
	return ended && process->fuse >= 0
		       ? 0
		       : fail(err, BS_WORKER, "the process for %s ended before its start",
			      process->name);
}

static void qemu_process_close(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static int qemu_process_fork(struct qemu_process *process, struct qemu_child *child, int patience,
			     struct bs_error *err)
{
	int reports[2] = {-1, -1}, output[2] = {-1, -1}, messages[2] = {-1, -1};
	int result = -1;

	/* Not blocking: when a pipe is full, the program loses output but does not wait. */
	if (channel_open(reports) < 0 || pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(messages, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel to %s", process->name);
		goto out;
	}
	child->parent = getpid();
	child->reports = reports[1];
	child->output = output[1];
	child->messages = messages[1];
	process->pid = fork();
	if (process->pid == 0)
		qemu_child_run(child);
	if (process->pid < 0) {
		fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a process");
		goto out;
	}
	process->ended = false;
	process->output = output[0];
	process->messages = messages[0];
	output[0] = messages[0] = -1;
	qemu_process_close(&reports[1]); /* now only the child holds this end of the socket */
	result = qemu_process_wait_for_start(process, reports[0], patience, err);
out:
	for (int i = 0; i < 2; i++) {
		qemu_process_close(&reports[i]);
		qemu_process_close(&output[i]);
		qemu_process_close(&messages[i]);
	}
	return result;
}

/*
 * Adds the options of one container: each begins with "backing." once for each container above it.
 * Without locking: nobody else sees the files, and for locks QEMU would have to open other files.
 */
static void qemu_process_add_options(FILE *text, size_t depth, const char *driver,
				     const char *options, const char *file, size_t parts)
{
	char prefix[sizeof("backing.") * (QEMU_PARENTS_MAX + 1)] = "", *end = prefix;
	const char *option = options;

	for (size_t i = 0; i < depth; i++)
		end = stpcpy(end, "backing.");
	fprintf(text, "%s%sdriver=%s", depth > 0 ? "," : "", prefix, driver);
	while (option && *option != '\0') {
		size_t length = strcspn(option, ",");

		fprintf(text, ",%s%.*s", prefix, (int)length, option);
		option += length + strspn(option + length, ",");
	}
	fprintf(text, ",%sfile.driver=file,%sfile.locking=off,%sfile.filename=" QEMU_FOLDER "/%s",
		prefix, prefix, prefix, file);
	for (size_t i = 0; i < parts; i++)
		fprintf(text, ",%sextents.%zu.locking=off", prefix, i);
}

char *qemu_process_image(const struct qemu_image *image, struct bs_error *err)
{
	char *options = NULL;
	size_t length;
	FILE *text = open_memstream(&options, &length);
	bool failed;

	if (!text) {
		fail_memory(err);
		return NULL;
	}
	assert(image->parent_count <= QEMU_PARENTS_MAX);
	qemu_process_add_options(text, 0, image->driver, image->options, QEMU_FILE_IMAGE,
				 image->part_count);
	for (size_t i = 0; i < image->parent_count; i++) {
		const struct qemu_parent *parent = &image->parents[i];

		qemu_process_add_options(text, i + 1, parent->driver, parent->options, parent->name,
					 parent->part_count);
	}
	failed = ferror(text);
	if (fclose(text) != 0 || failed) {
		fail_memory(err);
		free(options);
		return NULL;
	}
	return options;
}

int qemu_process_start(struct qemu_process *process, const char *const *arguments, bool writable,
		       int patience, struct bs_error *err)
{
	struct qemu_child child = {
		.arguments = arguments,
		.writable = writable,
		.cage = {.file = QEMU_FOLDER,
			 .memory = MEMORY_MAX,
			 .seconds = SECONDS_MAX,
			 .file_size = UINT64_MAX},
	};
	char *path = cage_find_program(arguments[0]);
	int result;

	*process = (struct qemu_process){
		.name = basename(arguments[0]),
		.ended = true,
		.fuse = -1,
		.connection = -1,
		.output = -1,
		.messages = -1,
	};
	if (!path)
		return fail(err, BS_DRIVER_UNUSABLE,
			    "%s, which this format needs, is not installed", process->name);
	child.cage.program = path;
	process_identify(&child.identity, 0, 0);
	result = cage_prepare(&child.cage, err);
	if (result == 0) {
		result = qemu_process_fork(process, &child, patience, err);
		cage_free(&child.cage);
	}
	if (result < 0)
		qemu_process_end(process);
	free(path);
	return result;
}

/* ---- how it is doing ---------------------------------------------------------------------- */

static void qemu_process_reap(struct qemu_process *process, int options)
{
	pid_t pid;

	if (process->ended)
		return;
	do
		pid = waitpid(process->pid, &process->status, options);
	while (pid < 0 && errno == EINTR);
	process->ended = pid != 0;
}

bool qemu_process_wait(struct qemu_process *process, int milliseconds)
{
	if (!process->ended)
		process_wait(process->pid, milliseconds);
	qemu_process_reap(process, WNOHANG);
	return process->ended;
}

/* Keeps a line in `said` without the program's name, unless the line is empty. */
static void qemu_process_take_line(struct qemu_process *process, const char *line, size_t length)
{
	size_t name = strlen(process->name);

	if (length >= name + 2 && memcmp(line, process->name, name) == 0 &&
	    memcmp(line + name, ": ", 2) == 0) {
		line += name + 2;
		length -= name + 2;
	}
	if (length == 0)
		return;
	snprintf(process->said, sizeof(process->said), "%.*s", (int)length, line);
	debug_print(DEBUG_STEPS, "%s: %.*s", process->name, (int)length, line);
}

void qemu_process_listen(struct qemu_process *process)
{
	char text[4096], *line = text, *end;
	ssize_t length;

	/* Reads only one page: the program could refill the pipe (64 KiB) again and again. */
	length = read(process->messages, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = '\0';
	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		qemu_process_take_line(process, line, (size_t)(end - line));
	}
}

/* Messages of QEMU begin with the image's name in several forms.  The reason follows the name. */
const char *qemu_process_reason(const struct qemu_process *process)
{
	static const char name[] = QEMU_IMAGE "': ";
	const char *reason = process->said, *next;

	while ((next = strstr(reason, name)))
		reason = next + sizeof(name) - 1;
	return *reason ? reason : "it does not say why";
}

int qemu_process_blame(struct qemu_process *process, struct bs_error *err)
{
	const char *colon;

	qemu_process_listen(process);
	colon = process->said[0] ? ": " : "";
	if (!process->ended)
		return fail(err, BS_WORKER, "%s does not answer%s%s", process->name, colon,
			    process->said);
	if (WIFSIGNALED(process->status))
		return fail(err, BS_WORKER, "%s was ended by signal %d (%s)%s%s", process->name,
			    WTERMSIG(process->status), strsignal(WTERMSIG(process->status)), colon,
			    process->said);
	return fail(err, BS_WORKER, "%s ended with status %d%s%s", process->name,
		    WEXITSTATUS(process->status), colon, process->said);
}

/* ---- ending ------------------------------------------------------------------------------- */

void qemu_process_end(struct qemu_process *process)
{
	qemu_process_close(&process->connection);
	qemu_process_close(&process->fuse);
	if (!process->ended) {
		kill(process->pid, SIGKILL);
		qemu_process_reap(process, 0);
	}
	qemu_process_listen(process); /* for BOOTSHIFT_DEBUG */
	qemu_process_close(&process->output);
	qemu_process_close(&process->messages);
}
