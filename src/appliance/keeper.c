/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The virtual machine sees one disk of a constant size for as long as it runs, because neither QEMU
 * nor libguestfs 1.48 can change a disk of a running appliance.  What is on this disk is exchanged
 * (exchange.h).
 *
 * A borrower that ends before the appliance has let go of its disk leaves an appliance in an unknown
 * state.  This appliance is ended, and the next borrower gets another one.
 */
#include "appliance/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/appliance-process.h"
#include "appliance/report.h"
#include "disk/exchange.h"
#include "disk/nbd-server.h"
#include "disk/nbd.h"
#include "util/channel.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/process.h"

/* Milliseconds.  Emulated, and while other virtual machines start, a launch takes a minute. */
#define LAUNCH_PATIENCE 600000
#define FORGET_PATIENCE 120000
#define DISK_PATIENCE   600000 /* for one read of the borrower's disk */

#define REQUEST_PATIENCE 600 /* seconds for one answer; ntfsresize reads all file records */

#define DOOR 3 /* the descriptor, after the standard ones */

struct keeper {
	struct disk *view; /* what the virtual machine sees, an exchange */
	int borrower;      /* the channel to the present borrower */
	struct disk *disk; /* the borrower's; NULL: none */
	pid_t process;     /* of the appliance; 0: none */
	int reports;       /* of the appliance's process */
	struct nbd_server *server;
	struct bs_error broken; /* no appliance can be started; BS_OK: none has failed */
};

/* ---- reports ------------------------------------------------------------------------------- */

/* If the borrower has gone, nobody needs the report. */
static void keeper_tell(const struct keeper *keeper, const struct appliance_report *report,
			int descriptor)
{
	(void)!channel_send(keeper->borrower, report, sizeof(*report), &descriptor,
			    descriptor >= 0);
}

/*
 * Waits until the appliance's process has something to tell.  Fails if the borrower has gone.  Ends
 * the keeper if nobody can borrow any more.
 */
static int keeper_wait(const struct keeper *keeper, int milliseconds, struct bs_error *err)
{
	struct pollfd waiting[] = {
		{.fd = keeper->reports, .events = POLLIN}, {.fd = keeper->borrower}, {.fd = DOOR}};
	int ready;

	do
		ready = poll(waiting, 3, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (waiting[2].revents & POLLHUP)
		_exit(EXIT_SUCCESS);
	if (waiting[1].revents & POLLHUP)
		return fail(err, BS_WORKER, "the borrower has gone");
	return ready > 0 ? 0 : fail(err, BS_TIMEOUT, "libguestfs' appliance does not answer");
}

/* Receives a report of this kind, with *descriptor or -1.  Passes the progress on. */
static int keeper_receive(const struct keeper *keeper, enum appliance_report_kind kind,
			  int milliseconds, int *descriptor, struct bs_error *err)
{
	const struct deadline deadline = deadline_after((uint64_t)milliseconds);
	struct appliance_report report;

	for (;;) { /* ends: at the deadline, or at another report */
		int left = milliseconds < 0 ? -1 : deadline_poll_timeout(deadline);

		if (keeper_wait(keeper, left, err) < 0)
			return -1;
		if (channel_receive(keeper->reports, &report, sizeof(report), descriptor, 1, 0) !=
		    (ssize_t)sizeof(report))
			return fail(err, BS_APPLIANCE_UNUSABLE,
				    "the process of libguestfs' appliance has ended");
		if (report.kind != REPORT_PROGRESS)
			break;
		keeper_tell(keeper, &report, -1);
	}
	report.error.message[sizeof(report.error.message) - 1] = '\0';
	if (report.kind == REPORT_FAILED)
		return fail(err, BS_APPLIANCE_UNUSABLE, "%s", report.error.message);
	return report.kind == kind ? 0
				   : fail(err, BS_APPLIANCE_UNUSABLE,
					  "the process of libguestfs' appliance is confused");
}

/* ---- the appliance ------------------------------------------------------------------------- */

static void keeper_end_appliance(struct keeper *keeper)
{
	struct bs_error ignored; /* the borrower knows whether its disk has failed */

	if (keeper->process == 0)
		return;
	debug_print(DEBUG_STEPS, "keeper: the appliance is ended");
	close(keeper->reports);
	process_end(keeper->process, 0);
	keeper->process = 0;
	exchange_set(keeper->view, NULL);
	(void)!nbd_server_stop(keeper->server, &ignored);
	keeper->server = NULL;
}

static int keeper_fork(struct keeper *keeper, struct bs_error *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (channel_open(ends) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	keeper->process = fork();
	if (keeper->process == 0)
		appliance_process_run(parent, ends[1]);
	close(ends[1]);
	keeper->reports = ends[0];
	if (keeper->process > 0)
		return 0;
	keeper->process = 0;
	close(ends[0]);
	return fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a process");
}

static int keeper_start_appliance(struct keeper *keeper, struct bs_error *err)
{
	int listener, none;

	if (keeper_fork(keeper, err) < 0 ||
	    keeper_receive(keeper, REPORT_LISTENS, LAUNCH_PATIENCE, &listener, err) < 0)
		return -1;
	keeper->server = nbd_server_start(keeper->view, listener, NULL, NULL, err);
	return keeper->server ? keeper_receive(keeper, REPORT_RUNS, LAUNCH_PATIENCE, &none, err)
			      : -1;
}

/* ---- lending ------------------------------------------------------------------------------- */

/* Shows the borrower's disk to the appliance, and has it serve the borrower as a client. */
static int keeper_hand_over(const struct keeper *keeper, struct bs_error *err)
{
	static const struct timeval patience = {.tv_sec = REQUEST_PATIENCE};
	const struct appliance_report lent = {.kind = REPORT_LENT};
	int ends[2], none, result;

	if (channel_open(ends) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	/* Set here, because a confined client cannot use poll(2). */
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	exchange_set(keeper->view, keeper->disk);
	/* If the process has ended, it sends no report either. */
	(void)!channel_send(keeper->reports, &lent, sizeof(lent), &ends[1], 1);
	close(ends[1]);
	result = keeper_receive(keeper, REPORT_LENT, FORGET_PATIENCE, &none, err);
	if (result == 0)
		keeper_tell(keeper, &lent, ends[0]);
	close(ends[0]);
	return result;
}

/* The virtual machine starts with an empty disk, so no image can prevent its start. */
static int keeper_start(struct keeper *keeper, struct bs_error *err)
{
	int result = -1;

	if (keeper->broken.code != BS_OK)
		*err = keeper->broken;
	else
		result = keeper_start_appliance(keeper, err);
	if (result < 0 && (err->code == BS_APPLIANCE_UNUSABLE || err->code == BS_TIMEOUT))
		keeper->broken = *err;
	return result;
}

/* An appliance that cannot be used again is replaced. */
static int keeper_lend(struct keeper *keeper, struct bs_error *err)
{
	if (keeper->process > 0) {
		if (keeper_hand_over(keeper, err) == 0)
			return 0;
		keeper_end_appliance(keeper);
	}
	return keeper_start(keeper, err) < 0 ? -1 : keeper_hand_over(keeper, err);
}

/* Lends the appliance and waits until it comes back. */
static int keeper_serve(struct keeper *keeper, struct bs_error *err)
{
	const struct appliance_report returned = {.kind = REPORT_RETURNED};
	int none;

	if (keeper_lend(keeper, err) < 0 ||
	    keeper_receive(keeper, REPORT_RETURNED, CHANNEL_FOREVER, &none, err) < 0)
		return -1;
	keeper_tell(keeper, &returned, -1);
	return 0;
}

static void keeper_serve_borrower(struct keeper *keeper, int socket)
{
	struct appliance_report failed = {.kind = REPORT_FAILED};
	struct bs_error *err = &failed.error;

	keeper->disk = nbd_open_socket(socket, "the borrower's disk", false, DISK_PATIENCE, err);
	if (!keeper->disk || keeper_serve(keeper, err) < 0) {
		debug_print(DEBUG_STEPS, "keeper: %s", err->message);
		if (keeper->disk) /* otherwise nothing was lent */
			keeper_end_appliance(keeper);
		keeper_tell(keeper, &failed, -1);
	}
	exchange_set(keeper->view, NULL);
	disk_close(keeper->disk);
	keeper->disk = NULL;
}

/* ---- the process --------------------------------------------------------------------------- */

/* Puts the door into its place and closes all other descriptors but the standard ones. */
static int keeper_arrange_descriptors(int door)
{
	int nothing = open("/dev/null", O_RDWR);

	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
	    (door != DOOR && dup3(door, DOOR, O_CLOEXEC) < 0))
		return -1;
	return close_range(DOOR + 1, ~0u, 0);
}

_Noreturn void keeper_run(pid_t parent, int door)
{
	struct keeper keeper = {.borrower = -1};
	int descriptors[2];
	char knock;

	process_leave_signals();
	if (process_end_with_parent(parent) < 0 || keeper_arrange_descriptors(door) < 0)
		_exit(EXIT_FAILURE);
	keeper.view = exchange_open(APPLIANCE_DISK_SIZE, &keeper.broken);
	if (!keeper.view)
		_exit(EXIT_FAILURE);
	while (channel_receive(DOOR, &knock, sizeof(knock), descriptors, 2, CHANNEL_FOREVER) > 0) {
		keeper.borrower = descriptors[0];
		keeper_serve_borrower(&keeper, descriptors[1]);
		close(keeper.borrower);
	}
	_exit(EXIT_SUCCESS);
}
