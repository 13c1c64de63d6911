/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes side by side.  Each does one piece of work and tells of it through a pipe: a byte for
 * each phase as it begins, and in the end one line.
 *
 * What always holds: whatever a process does or sends, it ends nothing but itself; what is kept of
 * what it sends is bounded.  It has a process group of its own, so that a signal reaches all that
 * it has started, and nothing of it is left once it has ended; no descriptor of ours but the
 * standard ones; and SIGINT, SIGTERM and SIGHUP held (see interruption.h).  When we end before it,
 * it gets SIGTERM.  The same signals are held in this process, and told of here.
 */
#ifndef BOOTSHIFT_BATCH_POOL_H
#define BOOTSHIFT_BATCH_POOL_H

#include <signal.h>
#include <stddef.h>

#include "util/err.h"

enum pool_event_kind {
	POOL_NOTHING, /* the time is up, or it is worth looking again */
	POOL_PHASE,   /* a process has come to a phase */
	POOL_ENDED,   /* a process has ended, and its slot is free */
	POOL_SIGNAL,  /* one of the signals above has come */
};

struct pool_event {
	enum pool_event_kind kind;
	size_t slot;
	enum bs_phase phase; /* POOL_ENDED: the last one, BS_PHASE_COUNT when there was none */
	char *line;          /* POOL_ENDED: without its end, the caller frees it; NULL: none came */
	int status;          /* POOL_ENDED: as of wait(2) */
};

/* What runs in the process.  It may write to the channel what is said above, and returns. */
typedef void pool_work(void *task, int channel);

struct pool;

/* From now on the signals are held, for as long as the process lives.  BS_NO_MEMORY, BS_WORKER. */
MUST_CHECK struct pool *pool_open(size_t slots, struct bs_error *err);

/* Starts a process in a free slot; `task` is copied with the whole process.  Error: BS_WORKER. */
MUST_CHECK int pool_start(struct pool *pool, size_t slot, pool_work *work, void *task,
			  struct bs_error *err);

/* Waits up to some milliseconds for the next event.  Error: BS_WORKER. */
MUST_CHECK int pool_wait(struct pool *pool, int milliseconds, struct pool_event *event,
			 struct bs_error *err);

/* Sends a signal to all processes of a slot that is not free. */
void pool_signal(const struct pool *pool, size_t slot, int signal);

/* Kills what still runs. */
void pool_close(struct pool *pool);

#endif
