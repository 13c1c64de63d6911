/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sample disk of Windows in each format, and on a device, that the library fixes. */
#ifndef BOOTSHIFT_TEST_REAL_H
#define BOOTSHIFT_TEST_REAL_H

#include "crash/subject.h"

enum real_kind {
	REAL_RAW,
	REAL_FIXED_VHD,
	REAL_DYNAMIC_VHD,
	REAL_VHDX,
	REAL_QCOW2,
	REAL_VMDK,
	REAL_VDI,
	REAL_DEVICE,
	REAL_SET,        /* in three files */
	REAL_SPARSE_SET, /* in three files that can grow */
	REAL_KINDS,
};

/* Makes the subject.  False: the system has no loop devices; the test must return. */
bool real_open(struct subject *subject, enum real_kind kind);
void real_close(struct subject *subject);

#endif
