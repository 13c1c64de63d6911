/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts a disk in a virtual machine, and tells what the machine reads and writes.
 *
 *	parent   serves a copy-on-write view of the disk over NBD, notes each access, calls the
 *	         watcher, and steers QEMU through its monitor
 *	QEMU     a child in a cage: namespaces of its own for processes, mounts and the network; it
 *	         can write to no file, and has only the descriptors for the disk, the monitor and the
 *	         picture of the screen
 *
 * What the guest writes stays in the parent's memory and vanishes.  A guest that writes too much
 * gets errors.  The parent parses nothing of the guest: accesses are numbers, and of the monitor's
 * messages it looks only for a few words.  When the parent ends, however that happens, the kernel
 * ends QEMU, and nothing is left behind.
 *
 * A guest may wait for somebody to press a key: in a menu, on the screen that says that Windows was
 * not shut down, or at a prompt.  When the guest has not used its disk for a second, Enter is
 * pressed, which chooses the default.
 */
#ifndef BOOTSHIFT_MACHINE_H
#define BOOTSHIFT_MACHINE_H

#include <stdbool.h>

#include "disk/disk.h"
#include "util/vector.h"

struct machine_access {
	uint64_t microseconds; /* since the machine was started */
	uint64_t offset;       /* bytes; the range lies within the disk */
	uint32_t length;       /* bytes */
	bool writes;
};

DEFINE_VECTOR(machine_trace, struct machine_access);

enum machine_wish {
	MACHINE_GOES_ON,
	MACHINE_ENDS,
};

/*
 * Called in the caller's thread when accesses have come, and at least every 100 ms.  `accesses`
 * are the new ones, in their order.  The function must not use the disk.
 */
typedef enum machine_wish machine_watcher(void *context, const struct machine_access *accesses,
					  size_t count, uint64_t microseconds_now);

/*
 * What a run does.  At most as many machines run at once as there are processors, so that many at
 * once do not slow each other down until their time is up.  The others wait.
 */
enum machine_stage {
	MACHINE_WAITS,  /* for other machines; this time does not count */
	MACHINE_STARTS, /* and runs */
};

struct machine_request {
	struct disk *disk;      /* never written; during the run only the machine uses it */
	unsigned seconds;       /* the machine runs no longer than this */
	bool takes_picture;     /* of the last screen */
	machine_watcher *watch; /* may be NULL */
	/* Called in the caller's thread when a stage begins; may be NULL. */
	void (*tell)(void *context, enum machine_stage stage);
	void *context; /* for both functions */
};

enum machine_end {
	MACHINE_ENDED_BY_WATCHER,
	MACHINE_TIMED_OUT,
	MACHINE_RESET_LOOP, /* the guest restarted the machine, or crashed so that it restarted */
	MACHINE_STOPPED,    /* the guest switched the machine off, or told that it crashed */
};

struct machine_outcome {
	enum machine_end end;
	bool kvm;              /* the processor was not emulated */
	uint32_t keys;         /* how often Enter was pressed */
	uint64_t microseconds; /* how long the machine ran */
	uint8_t *picture;      /* of the last screen, a PNG; NULL: not wanted, or QEMU cannot */
	size_t picture_length; /* bytes */
};

/*
 * Starts the disk, and returns when the machine has ended.  *outcome is overwritten; after success
 * the caller frees it with machine_outcome_free().  The accesses are appended to `trace`, which may
 * be NULL, until it has MACHINE_TRACE_MAX.  Errors: BS_MACHINE_UNUSABLE when QEMU is not installed,
 * cannot be confined, or fails; BS_INTERRUPTED when a held signal asks to stop; BS_TIMEOUT,
 * BS_SYSTEM_LIMIT, BS_NO_MEMORY; an error of the disk.
 */
MUST_CHECK int machine_run(const struct machine_request *request, struct machine_trace *trace,
			   struct machine_outcome *outcome, struct bs_error *err);

void machine_outcome_free(struct machine_outcome *outcome);

#define MACHINE_TRACE_MAX (1u << 20)

#endif
