/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the trace of a start: which link of the boot chain was reached when, and whether the start
 * is proven.  Pure: the trace goes in access by access, and nothing else is read.
 *
 * Windows' boot chain reads in this order (seen with Windows 7 and 10): the first sector, the boot
 * record of the active partition, $MFT and the root folder, all of \bootmgr; then \Boot\Fonts or
 * \Boot\BOOTSTAT.DAT, \Boot\BCD, \Boot\LANGUAGE\bootmgr.exe.mui; then all of the loader.  A running
 * loader reads the partition table and a boot record again, and then Windows' registry hive SYSTEM
 * and the kernel.  A loader that fails, and a bootmgr that fails, read \Boot\Fonts for their error
 * screen.
 *
 * So only bytes that were read, and whether a read came after the loader was complete, decide.
 * Reads may come in pieces, repeatedly, with more than was asked for, or a little out of order.
 *
 * Whoever lists the partitions of a disk reads the boot record of each.  So the boot record of the
 * old system partition is a place of its own: reading it does not mean that the partition is needed.
 */
#ifndef BOOTSHIFT_START_WATCH_H
#define BOOTSHIFT_START_WATCH_H

#include "start/places.h"

struct watch_access {
	uint64_t microseconds; /* since the machine was started */
	uint64_t offset;       /* bytes of the disk */
	uint64_t length;       /* bytes */
	bool writes;
};

enum watch_verdict {
	WATCH_OPEN,    /* nothing is certain yet */
	WATCH_PROVEN,  /* nothing that may come can change it */
	WATCH_STOPPED, /* the guest has read nothing new for so long that nothing more will come */
};

struct watch;

/*
 * Begins a trace.  The map must be sealed.  It and *start must outlive the watch, which fills in
 * *start.  `strict` is for a prepared disk: a read of the old system partition means that the start
 * is not proven, and a loader that was read in full is enough, because no fix changes what is read
 * after the loader.  The caller frees the watch with watch_free().  NULL on error: BS_NO_MEMORY.
 */
MUST_CHECK struct watch *watch_open(const struct places *places, bool strict,
				    struct bs_start *start, struct bs_error *err);

/* Takes the next access of the guest.  Writes do not count. */
void watch_take(struct watch *watch, const struct watch_access *access);

/* Judges the trace so far.  `microseconds`: the time since the machine was started. */
enum watch_verdict watch_judge(const struct watch *watch, uint64_t microseconds);

/* Completes *start: whether the start is proven, where it stopped, and the evidence. */
void watch_finish(struct watch *watch);

/* NULL is allowed. */
void watch_free(struct watch *watch);

#endif
