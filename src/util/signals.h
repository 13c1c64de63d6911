/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Controls which signals a thread holds, and what the signals do.
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

/* Holds the requests to stop in this thread.  A signal that is ignored stays ignored. */
void signals_hold_stop(void);

/* Returns the requests to stop that this thread holds. */
sigset_t signals_held_stop(void);

/* Whether a held request to stop is pending, or the caller of the command has cancelled it. */
bool signals_stop_pending(void);

/*
 * A command's caller may ask to stop, too, by the progress function in the options.  This counts as a
 * signal that is pending, until the next command of this thread begins with signals_forget_cancel().
 */
void signals_cancel(void);
void signals_forget_cancel(void);
bool signals_is_cancelled(void);

/* Sets *err to BS_INTERRUPTED, by a signal or by the caller.  Returns -1. */
static inline int signals_fail_stopped(struct bs_error *err)
{
	return fail(err, BS_INTERRUPTED, "%s before anything was written",
		    signals_is_cancelled() ? "cancelled by the calling program"
					   : "interrupted by a signal");
}

/* ---- the mask of a thread ------------------------------------------------------------------- */

/* Returns the signals that this thread holds, for signals_restore(). */
sigset_t signals_mask(void);
void signals_restore(sigset_t mask);

/*
 * Holds the requests to stop and SIGQUIT.  These signals can then end the process only when the
 * image is wholly old or wholly new.
 */
void signals_hold_for_change(void);

/* Holds every signal in a thread that others have started.  Other threads then get the signals. */
void signals_hold_all(void);

/* Holds no signal.  For a child process, because a child inherits the mask of its parent. */
void signals_release_all(void);

/* ---- what signals do ------------------------------------------------------------------------ */

/* Gives a signal its default effect and releases it, whatever the process has inherited. */
void signals_reset(int number);

/*
 * Sets the effects of signals for a command.  SIGPIPE and SIGXFSZ are ignored: a write fails with
 * an error when the reader has gone away or the file becomes too long.  SIGCHLD gets its default
 * effect, because a process that ignores SIGCHLD cannot wait for its children.
 */
void signals_prepare_command(void);

/*
 * Holds the requests to stop and SIGCHLD.  Returns a descriptor from which the caller reads these
 * signals as struct signalfd_siginfo (signalfd(2)); -1 with errno on error.  The descriptor is
 * closed on exec and does not block.
 */
MUST_CHECK int signals_open(void);

#endif
