/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the appliance's process tells the keeper, and the keeper the borrower, each on a channel
 * (util/channel.h).  All of them run the same program, forked.
 */
#ifndef BOOTSHIFT_APPLIANCE_REPORT_H
#define BOOTSHIFT_APPLIANCE_REPORT_H

#include <stdint.h>

#include "util/err.h"

/*
 * The size of the disk that the virtual machine sees, in bytes: 2^32 sectors of 512 bytes from sector
 * 2^32 - 1 on, as much as a partition table can name.
 */
#define APPLIANCE_DISK_SIZE (4ull << 40)

enum appliance_report_kind {
	REPORT_LISTENS,  /* the process: with the socket on which the disk has to be served */
	REPORT_PROGRESS, /* the virtual machine starts: `percent` */
	REPORT_RUNS,     /* the process: the virtual machine runs */
	/*
	 * The keeper asks the process to serve a client, with the process's end of the channel for
	 * requests.  The process answers with the same kind when it has forgotten the disk before.
	 * Then the keeper tells the borrower, with the client's end.
	 */
	REPORT_LENT,
	REPORT_RETURNED, /* the client has closed its end, and nothing is mounted any more */
	REPORT_FAILED,   /* `error`; the process ends */
};

struct appliance_report {
	uint32_t kind;
	uint32_t percent; /* 0 to 100 */
	struct bs_error error;
};

#endif
