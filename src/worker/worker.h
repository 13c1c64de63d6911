/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker: the process that reads the content of an image.  It has no descriptor of the image,
 * only a channel on which it asks for bytes.  It is confined before it gets the first byte.
 */
#ifndef BOOTSHIFT_WORKER_H
#define BOOTSHIFT_WORKER_H

#include "util/err.h"

enum worker_job {
	WORKER_INSPECT,  /* sends the inspection */
	WORKER_REHEARSE, /* sends the inspection and, if a fix applies, the plan; stages it */
	WORKER_VERIFY,   /* verifies a disk on which a plan was carried out */
	WORKER_MAP,      /* sends the inspection and the map of the disk for a start */
};

struct worker_task {
	enum worker_job job;
	struct bs_options options;
	/*
	 * The client's channel of an appliance that sees the disk: volumes are read there, and a
	 * verification asks for the second opinion (opinion.h).  0: libntfs-3g reads the volumes.
	 */
	int appliance;
	/* WORKER_VERIFY, WORKER_MAP: the plan that was carried out; for a map it may be NULL. */
	const struct bs_plan *plan;
	/* WORKER_VERIFY: */
	uint64_t clusters; /* the number that the staging sent as MESSAGE_CLUSTERS */
	bool committed;    /* signals do not interrupt the verification */
};

/*
 * Runs in the child after fork(): does the task on the disk of `size` bytes at the other end of
 * `socket`, sends MESSAGE_DONE or MESSAGE_ERROR, and exits.
 */
_Noreturn void worker_run(int socket, uint64_t size, const struct worker_task *task);

#endif
