/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes allocations, calls that read, and calls of the channel to the worker fail.  The linker puts these functions between the program
 * and the C library, like those of the recorder, which makes calls fail that change something.
 */
#ifndef BOOTSHIFT_TEST_FAULTS_H
#define BOOTSHIFT_TEST_FAULTS_H

#include <stdbool.h>

enum fault_kind {
	FAULT_ALLOCATION, /* malloc() and the like: ENOMEM */
	FAULT_READ,       /* to open, to look at and to read a file or a folder */
	FAULT_START,      /* to start another process, and to make a channel to it */
	FAULT_CHANNEL,    /* to send to another process, and to receive from it */
	FAULT_KINDS,
};

struct fault {
	enum fault_kind kind;
	int number;     /* of the call of this kind, from 0; -1: none, calls are only counted */
	bool and_later; /* all later calls of the kind fail as well */
	bool in_worker; /* counts and fails in processes that are forked later, not in this one */
	int error;      /* errno; an allocation always fails with ENOMEM */
};

/* From now on, until faults_end(). */
void faults_begin(const struct fault *fault);

/* Returns the number of calls of the kind, in this process. */
int faults_end(void);

/* Whether a call failed, in whatever process. */
bool faults_occurred(void);

/* For the wrapped open() of the recorder: whether it must fail now; errno is set then. */
bool faults_refuse(enum fault_kind kind);

#endif
