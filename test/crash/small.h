/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images of a few kilobytes with fixes of a few sectors, so that all states after a power cut can be
 * built.  They hold no Windows: their fix is a commit of staged bytes, with the lock of a command.
 */
#ifndef BOOTSHIFT_TEST_SMALL_H
#define BOOTSHIFT_TEST_SMALL_H

#include "crash/subject.h"

enum small_kind {
	SMALL_GROWS, /* like a dynamic format: fills a hole, and becomes longer */
	SMALL_DEVICE,
	SMALL_DATA,        /* like a raw image or a fixed VHD: no holes, fixed length */
	SMALL_PIECES,      /* many extents */
	SMALL_SET,         /* in three files */
	SMALL_GROWING_SET, /* in three files, of which two become longer */
	SMALL_KINDS,
};

#define SMALL_EVERYDAY 2 /* kinds that the everyday tests use, where all would take long */

/* The number of tests of so many kinds: one of each action for each kind. */
#define SMALL_TESTS(kinds) (ACTIONS * (kinds))

/* Makes the subject.  False: the system has no loop devices; the test must return. */
bool small_open(struct subject *subject, enum small_kind kind);
void small_close(struct subject *subject);

#endif
