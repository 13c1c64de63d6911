/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names the process that holds a lock on a file, for messages. */
#ifndef BOOTSHIFT_HOLDER_H
#define BOOTSHIFT_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

struct holder {
	pid_t process;
	char name[64];   /* of its program, as the kernel cuts it; the user can choose any bytes */
	char device[64]; /* the /dev/nbdN with which qemu-nbd shows the file; else empty */
};

/*
 * Finds another process that holds a lock on the descriptor's file.  The kernel tells this in
 * /proc/PID/fdinfo, see proc(5): to root, and to others about their own processes.  Returns false
 * if no such process can be seen.
 */
bool holder_find(int descriptor, struct holder *holder);

#endif
