/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting disks in a virtual machine with a BIOS, and what they say.
 *
 * The machine never changes an image.  The programs that start the sample disks (images/boot)
 * report on the first serial port; the second one gets what the BIOS shows on the screen, for
 * those that report nothing.  They end the machine; so a machine that still runs after a minute
 * hangs, which fails the test.
 */
#ifndef BOOTSHIFT_TEST_MACHINE_H
#define BOOTSHIFT_TEST_MACHINE_H

#include "support/program.h"

struct spoken {
	const char *serial, *screen; /* valid until the test ends */
};

/*
 * Starts from `disk`, an image of raw bytes; `second` is another one, or NULL.  Waits until the
 * machine has ended, or until the screen shows `until`, when that is not NULL.
 */
struct spoken machine_run(const char *disk, const char *second, const char *until);

/*
 * The bootmgr of that partition starts and finds the default entry: "Windows 7 from partition 2".
 */
void assert_starts(const char *disk, int partition, const char *entry);

/* It ends on the way, with these words on the serial port. */
void assert_stops(const char *disk, const char *words);

/* No program of ours reports anything, and the screen comes to show these words. */
void assert_shows(const char *disk, const char *words);

#endif
