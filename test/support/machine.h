/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts disks in a virtual machine with a BIOS, and reads their messages.
 *
 * The machine never changes an image.  The boot programs of the sample disks (images/boot) report
 * on the first serial port and then end the machine.  The second port gets the BIOS's screen, for
 * disks that report nothing.  If the machine still runs after a minute, the test fails.
 */
#ifndef BOOTSHIFT_TEST_MACHINE_H
#define BOOTSHIFT_TEST_MACHINE_H

#include "support/program.h"

struct spoken {
	const char *serial, *screen; /* valid until the test ends */
};

/*
 * Starts a machine from `disk`, a raw image.  `second` is another raw image, or NULL.  Waits until
 * the machine has ended or the screen shows `until`, which may be NULL.
 */
struct spoken machine_run(const char *disk, const char *second, const char *until);

/*
 * Checks that bootmgr of `partition` starts and finds `entry`, such as "Windows 7 from partition
 * 2".
 */
void assert_starts(const char *disk, int partition, const char *entry);

/* Checks that the start stops with these words on the serial port. */
void assert_stops(const char *disk, const char *words);

/* Checks that no boot program of ours reports anything and that the screen shows these words. */
void assert_shows(const char *disk, const char *words);

#endif
