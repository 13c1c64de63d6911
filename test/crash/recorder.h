/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sees every call with which the program changes the image or the files of its folder.
 *
 * The linker puts these functions between the program and the C library (--wrap, see the Makefile).
 * So nothing has to pass through a table, and no call is forgotten: a call that this file does not
 * know changes the image without a history, and the first state that is built shows it.
 *
 * Calls of other processes, for example of the worker, are not recorded.
 */
#ifndef BOOTSHIFT_TEST_RECORDER_H
#define BOOTSHIFT_TEST_RECORDER_H

#include "crash/storage.h"

enum trouble {
	TROUBLE_NONE,
	TROUBLE_LOST_SYNC, /* the chosen sync reports success and makes nothing durable */
	TROUBLE_LOST_FROM, /* the same for the chosen sync and all later ones */
	TROUBLE_KILL,      /* SIGKILL at the chosen call; a write is half done */
	TROUBLE_FAIL_ONCE, /* the chosen call fails */
	TROUBLE_FAIL_FROM, /* the chosen call and all later ones fail */
	TROUBLE_DIES,  /* like TROUBLE_FAIL_FROM, and calls that read fail as well from then on */
	TROUBLE_SHORT, /* the chosen call, if it is a write, writes only a part */
	TROUBLE_INTERRUPT, /* the same, but it fails with EINTR */
};

struct recorder_trouble {
	enum trouble trouble;
	int number; /* of the call, or of the sync, from 0 */
	int error;  /* errno of a failing call */
};

/*
 * Records from now on what this process does to the image and to the files of the folder, which is
 * a real path.  The trouble may be NULL.
 */
void recorder_start(const char *folder, const char *image, const struct recorder_trouble *trouble);

/* Ends the recording.  The caller frees it with storage_free(). */
struct recording *recorder_stop(void);

/* Whether the trouble occurred in the last recording, and how many calls that recording had. */
bool recorder_was_troubled(void);
int recorder_calls(void);
/* The number of the event that is the chosen sync. */
int recorder_lost_event(void);

#endif
