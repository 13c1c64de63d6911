/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals: which ones a thread holds, and what they do.
 *
 * SIGINT, SIGTERM and SIGHUP ask a command to stop.  They are held (blocked) instead of handled, so
 * no global state changes and no system call is interrupted.  The code that holds them checks at
 * suitable points whether one is pending.
 */
#ifndef BOOTSHIFT_UTIL_SIGNALS_H
#define BOOTSHIFT_UTIL_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "util/err.h"

/* ---- requests to stop ----------------------------------------------------------------------- */

/* Holds the requests to stop in this thread, except those that are ignored: they stay ignored. */
void signals_hold_stop(void);

/* Returns those of the requests to stop that this thread holds. */
sigset_t signals_held_stop(void);

/* Whether a held request to stop is pending. */
bool signals_stop_pending(void);

/* ---- the mask of a thread ------------------------------------------------------------------- */

/* Returns the signals that this thread holds, for signals_restore(). */
sigset_t signals_mask(void);
void signals_restore(sigset_t mask);

/*
 * Holds the requests to stop and SIGQUIT, so that an image becomes wholly old or wholly new before
 * one of them ends the process.
 */
void signals_hold_for_change(void);

/* Holds every signal: for a thread that others start, so that signals go to the other threads. */
void signals_hold_all(void);

/* Holds none: for a child process, which gets the mask of its parent. */
void signals_release_all(void);

/* ---- what signals do ------------------------------------------------------------------------ */

/* Gives a signal its default effect and does not hold it, whatever the process was started with. */
void signals_reset(int number);

/*
 * Prepares a command: SIGPIPE and SIGXFSZ are ignored, so that a write fails with an error when its
 * reader goes away or a file becomes too long; SIGCHLD has its default effect, because children
 * cannot be waited for while it is ignored.
 */
void signals_prepare_command(void);

/*
 * Holds the requests to stop and SIGCHLD, and returns a descriptor from which they can be read as
 * struct signalfd_siginfo (signalfd(2)), closed on exec and not blocking; -1 with errno on error.
 */
MUST_CHECK int signals_open(void);

#endif
