/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits for a worker.
 *
 * A worker that was taken over, or that follows a damaged volume in circles, must not keep its
 * parent busy without end.  So the parent counts the bytes that a worker reads and writes and the
 * time that it takes.  The parent ends a worker that exceeds what any sound image of that size
 * needs.  The limits follow from the sizes of the disk, of the two partitions and of the planned
 * files.  They are far above what sound images were measured to need.  The manual lists them.
 *
 * This module only calculates: it makes no system call, and uses no process and no socket.
 */
#ifndef BOOTSHIFT_BUDGET_H
#define BOOTSHIFT_BUDGET_H

#include "worker/worker.h"

struct budget {
	uint64_t read, write; /* bytes that are left */
	uint64_t served;      /* bytes that were read and written */
	uint64_t waited;      /* milliseconds that the parent has waited for the worker */
	uint64_t patience;    /* limit of `waited`; each byte served adds to it; 0: no limit */
	size_t zones;         /* guard zones that are left */
	uint64_t zone_bytes;  /* bytes in guard zones that are left */
};

/*
 * Returns the budget for a job on a disk of `disk_size` bytes, without a plan.  `patience` is how
 * long the parent waits for one message, in milliseconds.  In all, the parent waits five times as
 * long, and longer with each byte that is served.  If `patience` is 0 or less, the time has no
 * limit.
 */
struct budget budget_for_disk(enum worker_job job, uint64_t disk_size, int patience);

/*
 * Adds what the worker needs to carry out or to verify a plan.  The caller has found the plan's
 * partitions in the partition table; the function does not trust the plan's other numbers.
 */
void budget_add_plan(struct budget *budget, enum worker_job job, const struct bs_plan *plan);

/*
 * Subtracts one request or message from the budget.  `waited` is how many milliseconds the worker
 * took for it.  Errors: BS_NTFS_DAMAGED when the bytes are used up, BS_TIMEOUT when the time is.
 */
MUST_CHECK int budget_charge(struct budget *budget, enum remote_use use, uint64_t length,
			     uint64_t waited, struct bs_error *err);

/* Subtracts a guard zone of `length` bytes from the budget.  Errors: BS_NTFS_DAMAGED. */
MUST_CHECK int budget_charge_zone(struct budget *budget, uint64_t length, struct bs_error *err);

/* Returns the processor time that a worker may use after `served` bytes, in seconds. */
uint64_t budget_processor_seconds(uint64_t served);

/* Returns the address space that a worker may use for a disk of `disk_size` bytes, in bytes. */
uint64_t budget_memory(uint64_t disk_size);

#endif
