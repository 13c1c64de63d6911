/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a start works with, and a report of a file that an entry of the menu needs.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "device.h"
#include "ntfs.h"
#include "store.h"

struct boot {
	struct memory memory;
	struct place own;     /* where this program was loaded from */
	struct volume volume; /* the volume at that place */
	struct store store;
	char entry[GUID_LENGTH + 1]; /* the default entry */
};

/*
 * The partition of a device element of an object.  If the element only says which path the volume
 * has, searches the partitions of the disks in their order.  False when the partition is not here.
 */
bool boot_find_device(struct boot *boot, const char *guid, const struct bytes *device,
		      struct place *place);

/* Begins a line with "entry {GUID}: ". */
void boot_begin_line(struct line *line, const char *guid);

/*
 * Reads a file and prints "entry {GUID}: \ntldr on partition 1 of disk 0x80: there", or "missing",
 * or "unreadable".  `path` has `length` units.  False if the file was not read.
 */
bool boot_print_file(struct boot *boot, const char *guid, const struct place *place,
		     const uint16_t *path, uint32_t length, struct bytes *content);

#endif
