/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Child processes that run at the same time.  Each does one task and sends to the parent through a
 * pipe, the channel: one byte for each phase when the phase begins, POOL_AMOUNT plus the percentage
 * of it that is done, and at the end one line.
 *
 * What always holds:
 * - Nothing that a child does or sends makes the parent fail, and the parent stores a limited
 *   amount of what it sends.
 * - A child has its own process group.  A signal reaches all processes that it has started, and
 *   they are killed when it ends.
 * - A child inherits the standard descriptors, the channel and one that the caller names, no others.
 * - A child holds SIGINT, SIGTERM and SIGHUP (signals.h), and gets SIGTERM if the parent dies.
 * - The parent holds the same signals and receives them as events.
 */
#ifndef BOOTSHIFT_BATCH_POOL_H
#define BOOTSHIFT_BATCH_POOL_H

#include <signal.h>
#include <stddef.h>

#include "util/err.h"

#define POOL_AMOUNT 0x80u

enum pool_event_kind {
	POOL_NOTHING, /* the time is up, or pool_wait() should be called again */
	POOL_PHASE,   /* a child has begun a phase, or done more of it */
	POOL_ENDED,   /* a child has ended, and its slot is free */
	POOL_SIGNAL,  /* SIGINT, SIGTERM or SIGHUP has come */
};

struct pool_event {
	enum pool_event_kind kind;
	size_t slot;
	enum bs_phase phase; /* POOL_ENDED: the last phase; BS_PHASE_COUNT: none */
	unsigned percent;    /* POOL_PHASE: how much of the phase is done; 0: not known */
	char *line; /* POOL_ENDED: without newline; the caller frees it; NULL: no valid line */
	int status; /* POOL_ENDED: of wait(2) */
};

/* The work of a child.  It writes to the channel as described above, and returns. */
typedef void pool_work(void *task, int channel);

struct pool;

/*
 * Holds the signals, also after pool_close().  `kept` is a descriptor that children inherit; -1:
 * none.  Errors: BS_NO_MEMORY, BS_WORKER.
 */
MUST_CHECK struct pool *pool_open(size_t slots, int kept, struct bs_error *err);

/* Starts a child in a free slot.  The child gets a copy of `task`.  Error: BS_WORKER. */
MUST_CHECK int pool_start(struct pool *pool, size_t slot, pool_work *work, void *task,
			  struct bs_error *err);

/* Waits for the next event, at most so many milliseconds.  Error: BS_WORKER. */
MUST_CHECK int pool_wait(struct pool *pool, int milliseconds, struct pool_event *event,
			 struct bs_error *err);

/* Sends a signal to the process group of a child; the slot must not be free. */
void pool_signal(const struct pool *pool, size_t slot, int signal);

/* Kills all children. */
void pool_close(struct pool *pool);

#endif
