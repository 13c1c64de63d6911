/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watches whether another process writes to a file, with fanotify(7), which tells who wrote.
 * The kernel tells nothing of writes through mappings, by another machine, or by some drivers, and
 * some file systems and containers do not allow it at all: so a watch can prove that somebody
 * wrote, and never that nobody did.
 */
#ifndef BOOTSHIFT_TRANSACTION_WATCH_H
#define BOOTSHIFT_TRANSACTION_WATCH_H

#include <stdbool.h>

/*
 * Begins to watch the file behind `descriptor`.  -1 where that cannot be done; else to be closed.
 */
int watch_open(int descriptor);

/*
 * Whether another process wrote since the watch was opened or last asked; also when that got lost.
 * False for a watch of -1.
 */
bool watch_saw_others(int watch);

#endif
