/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What bootshift writes to standard error about its own work, when the environment asks for it:
 *
 *	BOOTSHIFT_DEBUG=1     the steps of a command and how long each took; the traffic with each
 *	                      worker process; what QEMU's programs wrote to their standard error
 *	BOOTSHIFT_DEBUG=2     also each message and each request between the processes
 *	BOOTSHIFT_DEBUG=wait  each worker process stops itself before it is confined, so that a
 *	                      debugger can attach to it; "2,wait" asks for both
 *
 * A build with assertions (make DEBUG=1) also names the system call that the filter stopped.
 */
#ifndef BOOTSHIFT_UTIL_DEBUG_H
#define BOOTSHIFT_UTIL_DEBUG_H

#include <stdbool.h>

#ifdef NDEBUG
#define DEBUG_BUILD 0
#else
#define DEBUG_BUILD 1
#endif

enum debug_level {
	DEBUG_OFF,
	DEBUG_STEPS,
	DEBUG_MESSAGES,
};

bool debug_shows(enum debug_level level);

/* Whether a worker stops itself before it is confined.  If so, others wait for it without limit. */
bool debug_waits(void);

/* If debug_waits(), prints how to attach a debugger and stops this process until SIGCONT. */
void debug_stop(const char *what);

/* Writes one line, with the process ID, if this level is shown.  Keeps errno. */
void debug_print(enum debug_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
