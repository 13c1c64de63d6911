/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU's monitor, by its protocol QMP: lines of JSON
 * (https://www.qemu.org/docs/master/interop/qmp-spec.html).
 *
 * A guest may have taken QEMU over, so nothing here trusts the lines.  They are not parsed: the
 * functions look for a few words at their beginning and within their first bytes, and at most take
 * an answer or an event for another one.
 */
#ifndef BOOTSHIFT_MACHINE_MONITOR_H
#define BOOTSHIFT_MACHINE_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

enum monitor_event {
	MONITOR_NOTHING,
	MONITOR_RESTARTED, /* the guest restarts the machine */
	MONITOR_STOPPED,   /* the guest switched the machine off, or told that it crashed */
	MONITOR_ENDED,     /* QEMU has closed the monitor */
};

#define MONITOR_LINE 1024 /* bytes of a line that are looked at */

struct monitor {
	int socket;              /* of the caller */
	char line[MONITOR_LINE]; /* the beginning of the next line */
	size_t length;
	char answer[MONITOR_LINE]; /* the last answer to a command */
	unsigned pending;          /* commands without an answer yet */
	enum monitor_event event;  /* the last one that came; MONITOR_ENDED stays */
};

/* Waits for QEMU's greeting and answers it.  Fails like monitor_ask(). */
MUST_CHECK int monitor_begin(struct monitor *monitor, int socket, struct bs_error *err);

/* Sends a command, one line of JSON, without waiting for the answer. */
void monitor_send(struct monitor *monitor, const char *command);

/*
 * Sends a command and waits for its answer, which is then in `answer`.  Errors: BS_TIMEOUT;
 * BS_MACHINE_UNUSABLE when QEMU has ended, or refuses the command.
 */
MUST_CHECK int monitor_ask(struct monitor *monitor, const char *command, struct bs_error *err);

/* Takes what has come, without waiting. */
void monitor_listen(struct monitor *monitor);

#endif
