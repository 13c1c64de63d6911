/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits for a worker.
 *
 * A worker that was taken over, or that follows a damaged volume in circles, must not keep its
 * parent busy without end.  So the parent counts the bytes that a worker reads and writes and the
 * time that it takes.  The parent ends a worker that wants more than any sound image of that size
 * needs.  The limits follow from the sizes of the disk, of the two partitions and of the planned
 * files.  They are far above what sound images were measured to need.  The manual lists them.
 *
 * The module is arithmetic: it makes no system call, and knows no process and no socket.
 */
#ifndef BOOTSHIFT_BUDGET_H
#define BOOTSHIFT_BUDGET_H

#include "worker/remote.h"
#include "worker/worker.h"

struct budget {
	uint64_t read, write; /* bytes that are left */
	uint64_t served;      /* bytes that were read and written */
	uint64_t waited;      /* milliseconds that the parent has waited for the worker */
	uint64_t patience;    /* how many it may wait; each byte served adds to them; 0: no limit */
	size_t zones;         /* guard zones that are left */
	uint64_t zone_bytes;  /* bytes in them that are left */
};

/*
 * The budget for a job on a disk of `disk_size` bytes, without a plan.  `patience`, in
 * milliseconds, is how long the parent waits for one message; in all it waits five times as long,
 * and longer with each byte that is served.  0 and less: there is no limit on the time.
 */
struct budget budget_for_disk(enum worker_job job, uint64_t disk_size, int patience);

/*
 * Adds what carrying out a plan, or verifying it, needs.  The plan's partitions have been found in
 * the partition table; its other numbers are not trusted.
 */
void budget_add_plan(struct budget *budget, enum worker_job job, const struct bs_plan *plan);

/*
 * Takes one request or message off the budget; `waited` is how many milliseconds the worker took
 * for it.  Errors: BS_NTFS_DAMAGED when the bytes, BS_TIMEOUT when the time is used up.
 */
MUST_CHECK int budget_charge(struct budget *budget, enum remote_use use, uint64_t length,
			     uint64_t waited, struct bs_error *err);

/* Takes a guard zone off the budget.  Errors: BS_NTFS_DAMAGED. */
MUST_CHECK int budget_charge_zone(struct budget *budget, uint64_t length, struct bs_error *err);

/* The seconds of processor time that a worker may use that was served so many bytes. */
uint64_t budget_processor_seconds(uint64_t served);

/* The bytes of address space that a worker may take on a disk of `disk_size` bytes. */
uint64_t budget_memory(uint64_t disk_size);

#endif
