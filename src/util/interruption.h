/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signals that ask a command to stop: SIGINT, SIGTERM and SIGHUP.
 *
 * They are held (blocked) instead of handled, so no global state changes and no system call is
 * interrupted.  The code that holds them checks at suitable points whether one is pending.
 */
#ifndef BOOTSHIFT_INTERRUPTION_H
#define BOOTSHIFT_INTERRUPTION_H

#include <signal.h>
#include <stdbool.h>

/* Holds the signals in this thread, except those that are ignored: they stay ignored. */
void interruption_hold(void);

/* Sets *held to those of the signals that this thread holds. */
void interruption_held(sigset_t *held);

/* Whether a held signal is pending. */
bool interruption_pending(void);

#endif
