/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two processes: the outer one makes the namespaces and waits for its child.  The inner one is the
 * first process of the process namespace, so the kernel ends all other processes in it, QEMU among
 * them, when it ends.
 *
 * As root the processes stay in the user namespace of the parent, because libguestfs unpacks files
 * of other owners when it first builds its appliance.
 */
#include "appliance/appliance-process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/answers.h"
#include "appliance/guestfs.h"
#include "appliance/report.h"
#include "appliance/request.h"
#include "util/channel.h"
#include "util/cpu.h"
#include "util/debug.h"
#include "util/process.h"
#include "util/signals.h"

#define MOUNT_POINT "/tmp"
#define FOLDER      MOUNT_POINT "/bootshift" /* QEMU does not accept /tmp itself as $TMPDIR */
#define SOCKET      FOLDER "/disk"

#define REPORTS 3 /* the descriptor of the channel, after the standard ones */

/* ---- reports ------------------------------------------------------------------------------- */

/* Sends a report, with a descriptor unless it is -1.  If the parent has gone, nobody needs it. */
static void process_report(const struct appliance_report *report, int descriptor)
{
	(void)!channel_send(REPORTS, report, sizeof(*report), &descriptor, descriptor >= 0);
}

static void process_report_kind(enum appliance_report_kind kind, int descriptor)
{
	const struct appliance_report report = {.kind = kind};

	process_report(&report, descriptor);
}

static _Noreturn void process_give_up(const struct bs_error *err)
{
	const struct appliance_report report = {.kind = REPORT_FAILED, .error = *err};

	process_report(&report, -1);
	_exit(EXIT_FAILURE);
}

/* ---- the outer process --------------------------------------------------------------------- */

/* Puts the channel into its place and closes all other descriptors but the standard ones. */
static int process_arrange_descriptors(int reports)
{
	int nothing = open("/dev/null", O_RDWR);

	reports = fcntl(reports, F_DUPFD_CLOEXEC, REPORTS + 1);
	if (nothing < 0 || reports < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
	    dup2(nothing, STDOUT_FILENO) < 0 ||
	    (!debug_shows(DEBUG_STEPS) && dup2(nothing, STDERR_FILENO) < 0) ||
	    dup3(reports, REPORTS, O_CLOEXEC) < 0)
		return -1;
	return close_range(REPORTS + 1, ~0u, 0);
}

/* In its own user namespace a user keeps the own number, because libguestfs looks at it. */
static int process_enter_namespaces(pid_t parent)
{
	const int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWPID;
	struct process_identity same = {0};

	process_identify(&same, geteuid(), getegid());
	if (geteuid() == 0 ? unshare(flags) < 0
			   : unshare(flags | CLONE_NEWUSER) < 0 || process_take_identity(&same) < 0)
		return -1;
	return process_end_with_parent(parent);
}

/* ---- files --------------------------------------------------------------------------------- */

static int process_mount_folder(void)
{
	if (mount("bootshift", MOUNT_POINT, "tmpfs", MS_NODEV | MS_NOSUID, "mode=700") < 0)
		return -1;
	return mkdir(FOLDER, 0700);
}

/* Sets or clears that nothing can be written to a mount, or to all mounts of the namespace. */
static int process_set_read_only(const char *mount_point, bool read_only, unsigned flags)
{
	struct mount_attr attributes = {
		.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0,
		.attr_clr = read_only ? 0 : MOUNT_ATTR_RDONLY,
	};

	return (int)syscall(SYS_mount_setattr, -1, mount_point, flags, &attributes,
			    sizeof(attributes));
}

/*
 * Leaves two folders that the process can write to: one of its own, and the one in which libguestfs
 * keeps its appliance, which it builds when it is used for the first time.  Kernels before 5.12
 * cannot make a whole namespace read-only.
 */
static int process_arrange_mounts(const char *cache)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(cache, cache, NULL, MS_BIND, NULL) < 0)
		return -1;
	if (process_set_read_only("/", true, AT_RECURSIVE) == 0)
		return process_set_read_only(cache, false, 0) == 0 ? process_mount_folder() : -1;
	return errno == ENOSYS ? process_mount_folder() : -1;
}

/* Once QEMU runs, nobody builds the appliance any more. */
static int process_protect_cache(const char *cache)
{
	return process_set_read_only(cache, true, 0) == 0 || errno == ENOSYS ? 0 : -1;
}

/* Makes the socket on which the keeper serves the disk. */
static int process_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		return -1;
	return listener;
}

/* ---- libguestfs ---------------------------------------------------------------------------- */

static int process_fail_library(const struct guestfs *guestfs, const char *what,
				struct bs_error *err)
{
	const char *reason = guestfs->last_error(guestfs->handle);

	return fail(err, BS_APPLIANCE_UNUSABLE, "libguestfs %s: %s", what,
		    reason ? reason : "it does not say why");
}

static int process_add_disk(struct guestfs *guestfs, struct bs_error *err)
{
	char server[] = "unix:" SOCKET, *servers[] = {server, NULL};
	const struct guestfs_add_drive_opts_argv options = {
		.bitmask = GUESTFS_ADD_DRIVE_OPTS_READONLY_BITMASK |
			   GUESTFS_ADD_DRIVE_OPTS_FORMAT_BITMASK |
			   GUESTFS_ADD_DRIVE_OPTS_PROTOCOL_BITMASK |
			   GUESTFS_ADD_DRIVE_OPTS_SERVER_BITMASK,
		.readonly = 1,
		.format = "raw",
		.protocol = "nbd",
		.server = servers,
	};

	if (guestfs->add_drive_opts_argv(guestfs->handle, "", &options) < 0)
		return process_fail_library(guestfs, "does not accept the disk", err);
	return 0;
}

/* libguestfs calls this during the launch: `numbers` has two more, the position and the total. */
static void process_tell_progress(guestfs_h *handle, void *context, uint64_t event, int callback,
				  int flags, const char *text, size_t length,
				  const uint64_t *numbers, size_t count)
{
	struct appliance_report report = {.kind = REPORT_PROGRESS};

	(void)handle, (void)context, (void)event, (void)callback;
	(void)flags, (void)text, (void)length;
	if (count < 4 || numbers[3] == 0 || numbers[2] > numbers[3])
		return;
	report.percent = (uint32_t)(numbers[2] * 100 / numbers[3]);
	process_report(&report, -1);
}

/*
 * Whenever a program that could have written to the disk closes it, udev has the kernel read the
 * partition table again.  Meanwhile the partitions' devices are gone, and other programs fail.
 * Without udev, the kernel alone makes the devices.  udev is killed, because it sometimes has not
 * ended a minute after it was asked to.  If a process of udev is left after a minute of the
 * appliance's time, the appliance is not used.
 */
static int process_stop_udev(struct guestfs *guestfs, struct bs_error *err)
{
	char command[] = "pkill -KILL udev; for i in $(seq 600); do "
			 "pgrep udev >/dev/null || exit 0; sleep 0.1; done; "
			 "ps axo stat,wchan:20,comm | grep udev >&2; exit 1";
	char *arguments[] = {command, NULL};
	char *output = guestfs->debug(guestfs->handle, "sh", arguments);

	if (!output)
		return process_fail_library(guestfs, "cannot stop udev in its appliance", err);
	free(output);
	return 0;
}

/* Finds the disk's device by its size. */
static int process_find_disk(struct guestfs *guestfs, struct bs_error *err)
{
	char command[160], *arguments[] = {command, NULL}, *found;
	int length = 0;

	snprintf(command, sizeof(command),
		 "for disk in /sys/block/*; do read -r size <$disk/size; "
		 "[ $size != %llu ] || echo /dev/${disk##*/}; done",
		 APPLIANCE_DISK_SIZE / 512);
	found = guestfs->debug(guestfs->handle, "sh", arguments);
	if (!found)
		return process_fail_library(guestfs, "cannot list its disks", err);
	if (sscanf(found, "%31s%n", guestfs->disk, &length) != 1 || found[length] > '\n')
		length = 0;
	free(found);
	return length > 0 ? 0
			  : fail(err, BS_APPLIANCE_UNUSABLE,
				 "libguestfs' appliance does not see the disk");
}

/* libvirt, another backend, would run outside of the namespaces. */
static int process_launch(struct guestfs *guestfs, struct bs_error *err)
{
	int progress;

	setenv("LIBGUESTFS_BACKEND", "direct", 0);
	if (!cpu_virtualizes())
		setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 0);
	unsetenv("XDG_RUNTIME_DIR"); /* libguestfs would make its sockets there */
	guestfs->handle = guestfs->create();
	if (!guestfs->handle)
		return fail_memory(err);
	guestfs->set_error_handler(guestfs->handle, NULL, NULL);
	guestfs->set_trace(guestfs->handle, debug_shows(DEBUG_STEPS));
	guestfs->set_verbose(guestfs->handle, debug_shows(DEBUG_MESSAGES));
	if (guestfs->set_tmpdir(guestfs->handle, FOLDER) < 0 || process_add_disk(guestfs, err) < 0)
		return -1;
	progress = guestfs->set_event_callback(guestfs->handle, process_tell_progress,
					       GUESTFS_EVENT_PROGRESS, 0, NULL);
	if (progress < 0 || guestfs->launch(guestfs->handle) < 0)
		return process_fail_library(guestfs, "cannot start its appliance", err);
	guestfs->delete_event_callback(guestfs->handle, progress);
	return process_stop_udev(guestfs, err) < 0 ? -1 : process_find_disk(guestfs, err);
}

/* ---- the process ---------------------------------------------------------------------------- */

/*
 * Forgets the disk before: what the kernel keeps of its content, and its partitions.  Fails if
 * something has been written, because such bytes would hide those of every later disk.
 */
static int process_forget_disk(struct guestfs *guestfs, struct bs_error *err)
{
	char command[320], *arguments[] = {command, NULL}, *written;
	bool none;

	snprintf(command, sizeof(command),
		 "set -e; blockdev --flushbufs %s; echo 3 >/proc/sys/vm/drop_caches; "
		 "blockdev --rereadpt %s; "
		 "read -r a b c d e f sectors rest </sys/block/%s/stat; echo $sectors",
		 guestfs->disk, guestfs->disk, guestfs->disk + strlen("/dev/"));
	written = guestfs->debug(guestfs->handle, "sh", arguments);
	none = written && strtoul(written, NULL, 10) == 0;
	free(written);
	if (!written)
		return process_fail_library(guestfs, "cannot forget a disk", err);
	return none ? 0 : fail(err, BS_APPLIANCE_UNUSABLE, "libguestfs has written to a disk");
}

static void process_answer_requests(struct guestfs *guestfs, int client)
{
	static struct appliance_request request;
	static struct appliance_answer answer;

	while (appliance_receive_request(client, &request) > 0) {
		answers_make(guestfs, &request, &answer);
		if (appliance_send_answer(client, &answer) < 0)
			break;
	}
}

/* Ends when the keeper closes the channel. */
static int process_serve_clients(struct guestfs *guestfs, struct bs_error *err)
{
	struct appliance_report lent;
	int client;

	while (channel_receive(REPORTS, &lent, sizeof(lent), &client, 1, CHANNEL_FOREVER) > 0) {
		if (process_forget_disk(guestfs, err) < 0)
			return -1;
		process_report_kind(REPORT_LENT, -1);
		process_answer_requests(guestfs, client);
		close(client);
		if (guestfs->umount_all(guestfs->handle) < 0)
			return process_fail_library(guestfs, "cannot let go of a disk", err);
		process_report_kind(REPORT_RETURNED, -1);
	}
	return 0;
}

/* Returns the folder in which libguestfs keeps its appliance.  All other files go to FOLDER. */
static const char *process_choose_cache(void)
{
	setenv("LIBGUESTFS_CACHEDIR", "/var/tmp", 0);
	setenv("TMPDIR", FOLDER, 1);
	return getenv("LIBGUESTFS_CACHEDIR");
}

static _Noreturn void process_give_up_confining(void)
{
	struct bs_error err;

	fail_errno(&err, BS_APPLIANCE_UNUSABLE, "libguestfs cannot be confined");
	process_give_up(&err);
}

static _Noreturn void process_run(void)
{
	const char *cache = process_choose_cache();
	struct guestfs guestfs = {.handle = NULL};
	struct bs_error err;
	int listener;

	if (guestfs_load(&guestfs, &err) < 0)
		process_give_up(&err);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || process_arrange_mounts(cache) < 0 ||
	    (listener = process_listen()) < 0)
		process_give_up_confining();
	process_report_kind(REPORT_LISTENS, listener);
	close(listener);
	if (process_launch(&guestfs, &err) < 0)
		process_give_up(&err);
	if (process_protect_cache(cache) < 0)
		process_give_up_confining();
	process_report_kind(REPORT_RUNS, -1);
	if (process_serve_clients(&guestfs, &err) < 0)
		process_give_up(&err);
	_exit(EXIT_SUCCESS);
}

_Noreturn void appliance_process_run(pid_t parent, int reports)
{
	struct bs_error err;
	pid_t child;

	signals_release_all();
	signals_reset(SIGPIPE);
	if (process_arrange_descriptors(reports) < 0)
		_exit(EXIT_FAILURE);
	if (process_enter_namespaces(parent) < 0) {
		fail_errno(&err, BS_APPLIANCE_UNUSABLE,
			   "libguestfs cannot be confined: this user may not make namespaces");
		process_give_up(&err);
	}
	child = fork();
	if (child == 0)
		process_run();
	close(REPORTS);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(EXIT_SUCCESS);
}
