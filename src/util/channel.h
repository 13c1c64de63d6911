/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages between two processes of ours, with open descriptors (SCM_RIGHTS).  Each end is a socket
 * that keeps messages apart: one call sends a whole message, one call receives it.
 */
#ifndef BOOTSHIFT_UTIL_CHANNEL_H
#define BOOTSHIFT_UTIL_CHANNEL_H

#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

#define CHANNEL_DESCRIPTORS_MAX 4    /* in one message */
#define CHANNEL_FOREVER         (-1) /* milliseconds */

/* Makes both ends of a channel, which are closed on exec.  -1 with errno on error. */
MUST_CHECK int channel_open(int ends[2]);

/*
 * Sends a message with copies of `count` descriptors; the caller keeps its own.  Blocks while the
 * channel is full.  -1 with errno on error: EPIPE if the other end is closed.
 */
MUST_CHECK int channel_send(int channel, const void *bytes, size_t length, const int *descriptors,
			    size_t count);

/*
 * Receives one message of at most `size` bytes, and waits for it at most so many milliseconds.  The
 * caller owns the descriptors, which are closed on exec; those that did not come are -1.  Returns
 * the length; 0 if the other end is closed; -1 with errno on error: ETIMEDOUT, EMSGSIZE.
 */
MUST_CHECK ssize_t channel_receive(int channel, void *bytes, size_t size, int *descriptors,
				   size_t count, int milliseconds);

#endif
