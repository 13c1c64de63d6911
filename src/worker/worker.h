/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker: the process that reads the content of an image.  It asks for bytes on a channel, or
 * reads them with a descriptor that can only read.  It is confined before it gets the first byte.
 */
#ifndef BOOTSHIFT_WORKER_H
#define BOOTSHIFT_WORKER_H

#include "util/err.h"
#include "worker/remote.h"

enum worker_job {
	WORKER_INSPECT,  /* sends the inspection */
	WORKER_REHEARSE, /* sends the inspection and, if a fix applies, the plan; stages it */
	WORKER_VERIFY,   /* verifies a disk on which a plan was carried out */
	WORKER_MAP,      /* sends the inspection and the map of the disk for a start */
	WORKER_RECHECK,  /* sends the inspection, and what is not as an earlier fix left it */
};

/* What reads the volumes.  libntfs-3g always writes. */
enum worker_reading {
	READING_BY_KIND,      /* libntfs-3g reads NTFS; the appliance, if there is one, reads FAT */
	READING_BY_APPLIANCE, /* it reads all, and a verification or a recheck asks opinion.h */
};

struct worker_task {
	enum worker_job job;
	struct bs_options options;
	int appliance; /* the client's channel of an appliance that sees the disk; 0: none */
	enum worker_reading reading;
	/*
	 * WORKER_VERIFY, WORKER_RECHECK, WORKER_MAP: the plan that was carried out.  A recheck and a
	 * map also work without it (recheck.h).
	 */
	const struct bs_plan *plan;
	/* WORKER_VERIFY: */
	uint64_t clusters; /* the number that the staging sent as MESSAGE_CLUSTERS */
};

/*
 * Runs in the child after fork(): does the task on the disk of `size` bytes at the other end of the
 * channel, sends MESSAGE_DONE or MESSAGE_ERROR, and exits.
 */
_Noreturn void worker_run(struct remote_end end, uint64_t size, const struct worker_task *task);

#endif
