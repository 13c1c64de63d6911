/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/appliance.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/keeper.h"
#include "appliance/report.h"
#include "disk/nbd-server.h"
#include "util/channel.h"
#include "util/process.h"
#include "util/signals.h"

/* Milliseconds. */
#define TICK            200   /* between two looks for a signal */
#define RETURN_PATIENCE 60000 /* for the appliance to let go of the disk */

/* ---- the keeper ---------------------------------------------------------------------------- */

int bs_appliance_open(struct bs_appliance *appliance, struct bs_error *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (channel_open(ends) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	*appliance = (struct bs_appliance){.door = ends[0], .keeper = fork()};
	if (appliance->keeper == 0)
		keeper_run(parent, ends[1]);
	close(ends[1]);
	if (appliance->keeper > 0)
		return 0;
	close(ends[0]);
	return fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a process");
}

/* Nothing has to be tidied up, so the keeper is not waited for. */
void bs_appliance_close(struct bs_appliance *appliance)
{
	close(appliance->door);
	process_end(appliance->keeper, 0);
}

/* ---- a loan -------------------------------------------------------------------------------- */

/* Serves the disk on one end of a pair of sockets, and gives the other end to the keeper. */
static int loan_ask(struct appliance_loan *loan, const struct bs_appliance *appliance,
		    struct disk *disk, struct bs_error *err)
{
	int reports[2], sockets[2], sent;

	if (channel_open(reports) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	loan->keeper = reports[0];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
		close(reports[1]);
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	}
	loan->server = nbd_server_start(disk, sockets[0], NULL, NULL, err);
	sent = channel_send(appliance->door, "", 1, (const int[]){reports[1], sockets[1]}, 2);
	close(reports[1]);
	close(sockets[1]);
	if (!loan->server)
		return -1;
	return sent == 0 ? 0
			 : fail(err, BS_APPLIANCE_UNUSABLE,
				"the keeper of libguestfs' appliance has ended");
}

/* Waits for a report, with *descriptor or -1, until it comes or a signal asks to stop. */
static int loan_receive(const struct appliance_loan *loan, struct appliance_report *report,
			int *descriptor, struct bs_error *err)
{
	ssize_t received;

	do {
		if (signals_stop_pending())
			return signals_fail_stopped(err);
		received =
			channel_receive(loan->keeper, report, sizeof(*report), descriptor, 1, TICK);
	} while (received < 0 && errno == ETIMEDOUT);
	if (received != (ssize_t)sizeof(*report))
		return fail(err, BS_APPLIANCE_UNUSABLE,
			    "the keeper of libguestfs' appliance has ended");
	return 0;
}

int appliance_borrow(struct appliance_loan *loan, const struct bs_appliance *appliance,
		     struct disk *disk, appliance_progress *progress, void *context,
		     struct bs_error *err)
{
	struct appliance_report report;

	*loan = (struct appliance_loan){.keeper = -1, .channel = -1};
	if (loan_ask(loan, appliance, disk, err) < 0)
		return -1;
	for (;;) { /* ends: the keeper lends the appliance, fails or ends */
		if (loan_receive(loan, &report, &loan->channel, err) < 0)
			return -1;
		if (report.kind == REPORT_LENT)
			return 0;
		if (report.kind == REPORT_FAILED) {
			*err = report.error;
			return -1;
		}
		if (progress)
			progress(context, report.percent);
	}
}

int appliance_return(struct appliance_loan *loan, struct bs_error *err)
{
	struct appliance_report returned;
	int result;

	/* Of an appliance that does not answer the keeper makes an end. */
	if (loan->channel >= 0) {
		close(loan->channel);
		(void)!channel_receive(loan->keeper, &returned, sizeof(returned), NULL, 0,
				       RETURN_PATIENCE);
	}
	if (loan->keeper >= 0)
		close(loan->keeper);
	result = nbd_server_stop(loan->server, err);
	*loan = (struct appliance_loan){.keeper = -1, .channel = -1};
	return result;
}
