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
};

/* What reads the volumes.  libntfs-3g always writes. */
enum worker_reading {
	READING_BY_KIND,      /* libntfs-3g reads NTFS; the appliance, if there is one, reads FAT */
	READING_BY_APPLIANCE, /* it reads all; a verification is the second opinion (opinion.h) */
};

struct worker_task {
	enum worker_job job;
	struct bs_options options;
	int appliance; /* the client's channel of an appliance that sees the disk; 0: none */
	enum worker_reading reading;
	/* WORKER_VERIFY: */
	const struct bs_plan *plan; /* the plan that was carried out */
	uint64_t clusters;          /* the number that the staging sent as MESSAGE_CLUSTERS */
	bool committed;             /* signals do not interrupt the verification */
};

/*
 * Runs in the child after fork(): does the task on the disk of `size` bytes at the other end of
 * `socket`, sends MESSAGE_DONE or MESSAGE_ERROR, and exits.
 */
_Noreturn void worker_run(int socket, uint64_t size, const struct worker_task *task);

#endif
