/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signals by which somebody asks a command to stop: SIGINT, SIGTERM and SIGHUP.
 *
 * They are held (blocked) rather than handled, so that nothing global changes and no call is cut
 * short: who holds them looks at moments of its own choosing whether one has come.
 */
#ifndef BOOTSHIFT_INTERRUPTION_H
#define BOOTSHIFT_INTERRUPTION_H

#include <signal.h>
#include <stdbool.h>

/* Holds them in this thread, but for those that are ignored, which stay so. */
void interruption_hold(void);

/* Those of them that this thread holds. */
void interruption_held(sigset_t *held);

/* Whether one of them has come that this thread holds. */
bool interruption_pending(void);

#endif
