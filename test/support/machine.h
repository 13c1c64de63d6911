/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts disks in a virtual machine with a BIOS, and returns what they report.
 *
 * The machine never changes an image.  The programs that start the sample disks (images/boot)
 * report on the first serial port.  The second serial port gets the screen of the BIOS, for
 * programs that do not report.  The programs end the machine.  If the machine still runs after a
 * minute, it hangs, and the test fails.
 */
#ifndef BOOTSHIFT_TEST_MACHINE_H
#define BOOTSHIFT_TEST_MACHINE_H

#include "support/program.h"

struct spoken {
	const char *serial, *screen; /* valid until the test ends */
};

/*
 * Starts the machine from `disk`, a raw image.  `second` is a second raw image, or NULL.  Waits
 * until the machine has ended or, if `until` is not NULL, until the screen shows `until`.
 */
struct spoken machine_speaks(const char *disk, const char *second, const char *until);

/*
 * Checks that the bootmgr of this partition starts and finds the default entry.  Example of an
 * entry: "Windows 7 from partition 2".
 */
void assert_starts(const char *disk, int partition, const char *entry);

/* Checks that the start ends early, with these words on the serial port. */
void assert_stops(const char *disk, const char *words);

/* Checks that no program of the samples reports, and that the screen shows these words. */
void assert_shows(const char *disk, const char *words);

#endif
