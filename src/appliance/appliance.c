/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/appliance.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/appliance-process.h"
#include "disk/nbd-server.h"
#include "util/channel.h"
#include "util/process.h"

/* Milliseconds.  Emulated, and while other virtual machines start, a launch takes a minute. */
#define LAUNCH_PATIENCE 600000
#define END_PATIENCE    10000

struct appliance {
	pid_t keeper;
	int reports;  /* the parent's end */
	int requests; /* the client's end */
	struct nbd_server *server;
};

/* ---- reports ------------------------------------------------------------------------------- */

/* Receives one report, with *descriptor or -1. */
static int appliance_receive(const struct appliance *appliance, int *descriptor,
			     struct bs_error *err)
{
	struct bs_error report;
	ssize_t received = channel_receive(appliance->reports, &report, sizeof(report), descriptor,
					   1, LAUNCH_PATIENCE);

	if (received < 0 && errno == ETIMEDOUT)
		return fail(err, BS_TIMEOUT, "libguestfs' appliance did not start in %d seconds",
			    LAUNCH_PATIENCE / 1000);
	if (received != (ssize_t)sizeof(report))
		return fail(err, BS_APPLIANCE_UNUSABLE,
			    "the process of libguestfs' appliance has ended");
	if (report.code == BS_OK)
		return 0;
	report.message[sizeof(report.message) - 1] = '\0';
	return fail(err, BS_APPLIANCE_UNUSABLE, "%s", report.message);
}

/* ---- starting ------------------------------------------------------------------------------ */

static int appliance_fork(struct appliance *appliance, struct bs_error *err)
{
	int reports[2], requests[2] = {-1, -1};
	pid_t parent = getpid();

	if (channel_open(reports) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a channel");
	appliance->reports = reports[0];
	if (channel_open(requests) == 0)
		appliance->keeper = fork();
	if (appliance->keeper == 0)
		appliance_process_run(parent, reports[1], requests[1]);
	appliance->requests = requests[0];
	close(reports[1]);
	if (requests[1] >= 0)
		close(requests[1]);
	return appliance->keeper > 0 ? 0
				     : fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a process");
}

static int appliance_serve(struct appliance *appliance, struct disk *disk, struct bs_error *err)
{
	int listener, nothing;

	if (appliance_receive(appliance, &listener, err) < 0)
		return -1;
	if (listener < 0)
		return fail(err, BS_WORKER, "the appliance's process sent no socket");
	appliance->server = nbd_server_start(disk, listener, NULL, NULL, err);
	return appliance->server ? appliance_receive(appliance, &nothing, err) : -1;
}

struct appliance *appliance_start(struct disk *disk, struct bs_error *err)
{
	struct appliance *appliance = malloc(sizeof(*appliance));
	struct bs_error of_disk;

	if (!appliance) {
		fail_memory(err);
		return NULL;
	}
	*appliance = (struct appliance){.keeper = -1, .reports = -1, .requests = -1};
	if (appliance_fork(appliance, err) == 0 && appliance_serve(appliance, disk, err) == 0)
		return appliance;
	if (appliance_end(appliance, &of_disk) < 0)
		*err = of_disk;
	return NULL;
}

int appliance_channel(const struct appliance *appliance)
{
	return appliance->requests;
}

/* ---- ending -------------------------------------------------------------------------------- */

int appliance_end(struct appliance *appliance, struct bs_error *err)
{
	int result;

	if (!appliance)
		return 0;
	/* The process sees the channels end, and closes libguestfs. */
	if (appliance->requests >= 0)
		close(appliance->requests);
	if (appliance->reports >= 0)
		close(appliance->reports);
	if (appliance->keeper > 0)
		process_end(appliance->keeper, END_PATIENCE);
	result = nbd_server_stop(appliance->server, err);
	free(appliance);
	return result;
}
