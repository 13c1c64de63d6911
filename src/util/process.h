/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes: namespaces of their own, their bond to the parent, and waiting for their end. */
#ifndef BOOTSHIFT_UTIL_PROCESS_H
#define BOOTSHIFT_UTIL_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

/* ---- in the child -------------------------------------------------------------------------- */

/* Which user and group the caller is in a new user namespace. */
struct process_identity {
	char user_map[32], group_map[32]; /* for /proc/self/uid_map and gid_map */
};

/* `user` and `group` are the caller's numbers in the namespace. */
void process_identify(struct process_identity *identity, unsigned user, unsigned group);

/*
 * Takes on the identity, after unshare(2) with CLONE_NEWUSER.  Async-signal-safe.  -1 with errno on
 * error.
 */
MUST_CHECK int process_take_identity(const struct process_identity *identity);

/*
 * From now on the kernel kills this process when its parent ends.  `parent` is the number of the
 * parent before the fork.  Entering a user namespace clears the setting, so this comes after it.
 * Async-signal-safe.  -1 with errno on error, and if the parent has ended already.
 */
MUST_CHECK int process_end_with_parent(pid_t parent);

/*
 * Gives up the parent's way to handle signals, and leaves its session: only the parent gets the
 * signals to the terminal's foreground group.  Async-signal-safe.
 */
void process_leave_signals(void);

/* ---- in the parent ------------------------------------------------------------------------- */

/*
 * Waits at most so many milliseconds (-1: no limit) until a child has ended, and returns whether
 * it has.  waitpid() still gives its status.
 */
bool process_wait(pid_t child, int milliseconds);

/* Waits the same time for the end of a child, then kills it.  Returns its status of waitpid(). */
int process_end(pid_t child, int milliseconds);

#endif
