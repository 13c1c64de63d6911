/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/machine-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine/machine-child.h"
#include "util/cpu.h"
#include "util/debug.h"
#include "util/process.h"

#define MEMORY_MAX     (4ull << 30) /* bytes of address space; the guest has 1 GiB */
#define SECONDS_MAX    3600         /* of processor time; the caller ends the machine earlier */
#define PICTURE_MAX    (16u << 20)  /* bytes */
#define MESSAGES_MAX   65536        /* bytes; a pipe holds no more, see pipe(7) */
#define START_PATIENCE 60000        /* milliseconds, until QEMU is executed */
#define END_PATIENCE   1000         /* milliseconds, once QEMU has closed its monitor */

/* ---- QEMU's arguments ---------------------------------------------------------------------- */

_Static_assert(CHILD_DISK == 3 && CHILD_MONITOR == 4 && CHILD_PICTURE == 5,
	       "the arguments name these descriptors");

/*
 * The disk hangs on AHCI: the BIOS reads there in whole requests, and on IDE sector by sector.  The
 * guest gets the errors of the disk; for some of them, QEMU would stop the machine instead.  If
 * the guest restarts, switches off or reports a crash, the machine stops and the monitor says so.
 * The processor waits for the monitor.  Without "-accel kvm" at the beginning the processor is
 * emulated.
 */
static const char *const arguments[] = {
	"qemu-system-x86_64",
	"-accel",
	"kvm",
	"-accel",
	"tcg,tb-size=64",
	"-machine",
	"pc",
	"-m",
	"1024",
	"-nodefaults",
	"-no-user-config",
	"-net",
	"none",
	"-display",
	"none",
	"-vga",
	"std",
	"-S",
	"-action",
	"reboot=shutdown,shutdown=pause,panic=pause",
	"-sandbox",
	"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	"-chardev",
	"socket,id=monitor,fd=4",
	"-mon",
	"chardev=monitor,mode=control",
	"-add-fd",
	"set=1,fd=5",
	"-blockdev",
	"driver=nbd,node-name=disk,server.type=fd,server.str=3",
	"-device",
	"ahci,id=ahci",
	"-device",
	"ide-hd,bus=ahci.0,drive=disk,rerror=report,werror=report",
	NULL,
};

#define KVM_ARGUMENTS 2 /* "-accel kvm" */

/* ---- starting ------------------------------------------------------------------------------ */

static void machine_process_close(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

/* Describes the step of the child that failed. */
static int machine_process_fail_step(const struct machine_report *report, struct bs_error *err)
{
	errno = report->number;
	switch (report->step) {
	case MACHINE_STEP_NAMESPACES:
	case MACHINE_STEP_MOUNTS:
		return fail_errno(err, BS_MACHINE_UNUSABLE,
				  "QEMU cannot be confined: this user may not make namespaces");
	case MACHINE_STEP_CONFINE:
		return fail_errno(err, BS_MACHINE_UNUSABLE, "QEMU cannot be confined");
	default:
		return fail_errno(err, BS_MACHINE_UNUSABLE, "QEMU cannot be started");
	}
}

/* Waits for the end of the child's socket, which shows that QEMU runs. */
static int machine_process_wait_for_start(int reports, struct bs_error *err)
{
	struct pollfd waiting = {.fd = reports, .events = POLLIN};
	struct machine_report report;
	ssize_t received;
	int ready;

	do
		ready = poll(&waiting, 1, START_PATIENCE);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return fail(err, BS_TIMEOUT, "QEMU has not started within %d seconds",
			    START_PATIENCE / 1000);
	received = recv(reports, &report, sizeof(report), MSG_DONTWAIT);
	if (received == 0)
		return 0;
	return received == (ssize_t)sizeof(report)
		       ? machine_process_fail_step(&report, err)
		       : fail_errno(err, BS_WORKER, "cannot hear from the process for QEMU");
}

/* The parent's and the child's ends of all channels. */
struct channels {
	int reports[2], disk[2], monitor[2], messages[2], picture[2];
};

static const struct channels no_channels = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};

static void machine_process_close_channels(struct channels *channels)
{
	for (int i = 0; i < 2; i++) {
		machine_process_close(&channels->reports[i]);
		machine_process_close(&channels->disk[i]);
		machine_process_close(&channels->monitor[i]);
		machine_process_close(&channels->messages[i]);
		machine_process_close(&channels->picture[i]);
	}
}

/* QEMU gets a descriptor that can only write, because it opens pictures in that way. */
static int machine_process_make_picture(int picture[2])
{
	char path[64];

	picture[0] = memfd_create("picture", MFD_CLOEXEC);
	if (picture[0] < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", picture[0]);
	picture[1] = open(path, O_WRONLY | O_CLOEXEC);
	return picture[1];
}

/* The pipe does not block: when it is full, QEMU loses output but does not wait. */
static int machine_process_make_channels(struct channels *channels, struct bs_error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channels->reports) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels->disk) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels->monitor) < 0 ||
	    pipe2(channels->messages, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    machine_process_make_picture(channels->picture) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel to QEMU");
	return 0;
}

static int machine_process_fork(struct machine_process *process, struct machine_child *child,
				struct bs_error *err)
{
	struct channels channels = no_channels;
	bool own_user_namespace;
	int result = machine_process_make_channels(&channels, err);

	if (result < 0)
		goto out;
	child->reports = channels.reports[1];
	child->disk = channels.disk[1];
	child->monitor = channels.monitor[1];
	child->messages = channels.messages[1];
	child->picture = channels.picture[1];
	process->pid = machine_child_fork(&own_user_namespace);
	if (process->pid == 0)
		machine_child_run(child, own_user_namespace);
	if (process->pid < 0) {
		process->pid = 0;
		result = fail_errno(err, BS_MACHINE_UNUSABLE,
				    "QEMU cannot be confined: this user may not make namespaces");
		goto out;
	}
	process->disk = channels.disk[0];
	process->monitor = channels.monitor[0];
	process->messages = channels.messages[0];
	process->picture = channels.picture[0];
	channels.disk[0] = channels.monitor[0] = channels.messages[0] = channels.picture[0] = -1;
	machine_process_close(
		&channels.reports[1]); /* now only the child holds this end of the socket */
	result = machine_process_wait_for_start(channels.reports[0], err);
out:
	machine_process_close_channels(&channels);
	return result;
}

/* Any of these programs has the machine. */
static char *machine_process_find_qemu(void)
{
	char *path = cage_find_program("qemu-system-x86_64");

	return path ? path : cage_find_program("qemu-system-i386");
}

int machine_process_start(struct machine_process *process, struct bs_error *err)
{
	const char *used[sizeof(arguments) / sizeof(arguments[0])] = {arguments[0]};
	struct machine_child child = {
		.arguments = used,
		.cage = {.file = CHILD_KVM,
			 .memory = MEMORY_MAX,
			 .seconds = SECONDS_MAX,
			 .file_size = PICTURE_MAX,
			 .alone = true,
			 .makes_code = true},
	};
	struct stat status;
	char *path = machine_process_find_qemu();
	int result;

	*process =
		(struct machine_process){.disk = -1, .monitor = -1, .picture = -1, .messages = -1};
	if (!path)
		return fail(err, BS_MACHINE_UNUSABLE, "qemu-system-x86_64 is not installed");
	child.cage.program = path;
	child.kvm = cpu_virtualizes() && access(CHILD_KVM, R_OK | W_OK) == 0 &&
		    stat(CHILD_KVM, &status) == 0;
	child.kvm_group = child.kvm ? status.st_gid : 0;
	memcpy(used + 1, arguments + 1 + (child.kvm ? 0 : KVM_ARGUMENTS),
	       sizeof(arguments) - (child.kvm ? 1 : 1 + KVM_ARGUMENTS) * sizeof(arguments[0]));
	process_identify(&child.identity, NOBODY, NOBODY);
	result = cage_prepare(&child.cage, err);
	if (result == 0) {
		result = machine_process_fork(process, &child, err);
		cage_free(&child.cage);
	}
	free(path);
	return result;
}

/* ---- its end ------------------------------------------------------------------------------- */

/* Waits at most so many milliseconds for QEMU to end by itself. */
static void machine_process_kill(struct machine_process *process, int milliseconds)
{
	if (process->pid != 0)
		process->status = process_end(process->pid, milliseconds);
	process->pid = 0;
}

/* Reads all messages of QEMU that the pipe holds after QEMU's end, and keeps the last line. */
static void machine_process_listen(struct machine_process *process)
{
	char text[MESSAGES_MAX + 1], *line = text, *end;
	ssize_t length = read(process->messages, text, sizeof(text) - 1);

	if (length <= 0)
		return;
	text[length] = '\0';
	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (end == line)
			continue;
		snprintf(process->said, sizeof(process->said), "%.*s", (int)(end - line), line);
		debug_print(DEBUG_STEPS, "%.*s", (int)(end - line), line);
	}
}

int machine_process_blame(struct machine_process *process, struct bs_error *err)
{
	const char *colon;

	machine_process_kill(process, END_PATIENCE); /* so that the status says how QEMU ended */
	machine_process_listen(process);
	colon = process->said[0] ? ": " : "";
	if (WIFSIGNALED(process->status) && WTERMSIG(process->status) == SIGKILL)
		return fail(err, BS_MACHINE_UNUSABLE, "QEMU does not answer%s%s", colon,
			    process->said);
	if (WIFSIGNALED(process->status))
		return fail(err, BS_MACHINE_UNUSABLE, "QEMU was ended by signal %d (%s)%s%s",
			    WTERMSIG(process->status), strsignal(WTERMSIG(process->status)), colon,
			    process->said);
	return fail(err, BS_MACHINE_UNUSABLE, "QEMU ended with status %d%s%s",
		    WEXITSTATUS(process->status), colon, process->said);
}

void machine_process_end(struct machine_process *process)
{
	machine_process_kill(process, 0);
	if (process->messages >= 0)
		machine_process_listen(process); /* for BOOTSHIFT_DEBUG */
	machine_process_close(&process->disk);
	machine_process_close(&process->monitor);
	machine_process_close(&process->picture);
	machine_process_close(&process->messages);
}
