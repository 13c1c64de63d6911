/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's side of a worker process.  The parent carries out the worker's reads and writes on
 * the image's disk, behind a guard, and collects the worker's findings.
 *
 * Of the guest's data, the parent parses only the four entries of the partition table.  They say
 * where the boot partition is.  The worker could have been taken over, so it may write to that
 * partition and to the four active flags, and nowhere else.
 */
#ifndef BOOTSHIFT_SESSION_H
#define BOOTSHIFT_SESSION_H

#include "disk/disk.h"
#include "disk/overlay.h"
#include "start/places.h"
#include "util/range.h"
#include "windows/differences.h"
#include "worker/worker.h"

/* What the worker found. */
struct session_findings {
	struct bs_inspection *inspection; /* NULL until the worker has sent it */
	struct bs_plan *plan;             /* the rehearsed plan; NULL when no fix applies */
	struct range_vector zones;        /* guard zones, in bytes of the guest's disk */
	struct differences differences;   /* what is not as an earlier fix left it */
	uint64_t clusters;                /* the sum of the cluster accounting before the staging */
	struct places places;             /* the map, sealed; empty for other jobs */
};

/* The progress of a worker.  A table in session.c says which message leads to which state. */
enum session_state {
	SESSION_STARTED,
	SESSION_INSPECTED,
	SESSION_MAPPED,
	SESSION_ALLOWED, /* the plan is proved and allowed; its operations are being carried out */
	SESSION_COUNTED, /* all operations are done, and the sum of the clusters is known */
	SESSION_ZONED,
	SESSION_STAGED, /* the guard is closed for good */
	SESSION_RECHECKED,
	SESSION_DONE,
};

struct session;

/*
 * Starts a process that does the task on `disk`.  `overlay`, which is `disk` or lies below it, counts
 * the sectors that each operation writes; NULL for tasks that write nothing.  The function empties
 * `findings`; the session fills them.  The caller frees them with session_free(), also after an
 * error.  `disk`, `overlay`, `findings` and all that the task points to must outlive the session.
 * Returns NULL on error: BS_SYSTEM_LIMIT, BS_NO_MEMORY.
 */
MUST_CHECK struct session *session_start(struct disk *disk, struct overlay *overlay,
					 const struct worker_task *task,
					 struct session_findings *findings, struct bs_error *err);

/*
 * Serves the worker until it is in `state`, in a later state, or done.  Errors: those of the task;
 * BS_NTFS_DAMAGED when the worker wants more than its budget (budget.h); BS_TIMEOUT when it hangs
 * or takes too long in all; BS_WORKER when it sends wrong data or has ended; BS_GUARD;
 * BS_NO_MEMORY.  After an error, the caller may only call session_end().
 */
MUST_CHECK int session_advance(struct session *session, enum session_state state,
			       struct bs_error *err);

/*
 * Ends the worker and frees the session.  `outcome` is 0 for a worker that is done, and -1 with
 * *err set after an error.  Returns `outcome`, or -1 with another *err.  When the disk has failed,
 * *err is the disk's error.  When the worker ended by itself, *err is the cause: BS_NTFS_DAMAGED
 * when the image's data made it crash, BS_NO_MEMORY, BS_SYSTEM_LIMIT.
 */
MUST_CHECK int session_end(struct session *session, int outcome, struct bs_error *err);

/* Starts a session, serves the worker until it is done, and ends the session.  Errors: as above. */
MUST_CHECK int session_run(struct disk *disk, struct overlay *overlay,
			   const struct worker_task *task, struct session_findings *findings,
			   struct bs_error *err);

/* The function that runs in the child: worker_run(), or a test's bad worker.  Does not return. */
typedef void session_worker(struct remote_end end, uint64_t size, const struct worker_task *task);

/*
 * Does the same with another worker.  `patience` is how long the parent waits for one message, in
 * milliseconds.
 */
MUST_CHECK int session_run_worker(struct disk *disk, struct overlay *overlay,
				  const struct worker_task *task, session_worker *run, int patience,
				  struct session_findings *findings, struct bs_error *err);

void session_free(struct session_findings *findings);

#endif
