/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker process and the parent's side of the talk with it: serves its reads and writes on the
 * image's disk, behind a guard, and collects what it finds.
 *
 * The parent parses nothing of the guest but the four entries of the partition table, and those
 * itself: they say where the boot partition is, and the worker, which could have been taken over,
 * may write there and to the four active flags, and nowhere else.
 */
#ifndef BOOTSHIFT_SESSION_H
#define BOOTSHIFT_SESSION_H

#include "disk/disk.h"
#include "disk/overlay.h"
#include "transaction/ranges.h"
#include "worker/worker.h"

/* What the worker told. */
struct session_findings {
	struct bs_inspection *inspection; /* NULL until it came */
	struct bs_plan *plan;             /* as rehearsed; NULL when no fix applies */
	struct guard_zone *zones;         /* in bytes of the guest's disk, until located */
	size_t zone_count;
	uint64_t clusters; /* the sum of the cluster accounting before the staging */
};

/*
 * Does the task in a process of its own on `disk`.  `overlay`, which lies below, counts the
 * sectors of each operation; NULL for tasks that write nothing.  *findings holds what came until
 * then also after an error; freed with session_free().  Errors: those of the task; BS_NTFS_DAMAGED
 * when what is in the image makes the worker crash or want more than its budget (budget.h);
 * BS_TIMEOUT when it hangs or takes too long in all; BS_NO_MEMORY; BS_WORKER when it lies;
 * BS_GUARD.
 */
MUST_CHECK int session_run(struct disk *disk, struct overlay *overlay,
			   const struct worker_task *task, struct session_findings *findings,
			   struct bs_error *err);

/* What runs in the child: worker_run(), or a test's bad worker.  Does not return. */
typedef void session_worker(int socket, uint64_t size, const struct worker_task *task);

/*
 * The same with another worker, and with the patience to wait for one message of it, in
 * milliseconds.
 */
MUST_CHECK int session_run_worker(struct disk *disk, struct overlay *overlay,
				  const struct worker_task *task, session_worker *run, int patience,
				  struct session_findings *findings, struct bs_error *err);

void session_free(struct session_findings *findings);

#endif
