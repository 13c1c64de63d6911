/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that an entry of the store needs, and whether each of them is there.
 */
#ifndef BOOT_FILES_H
#define BOOT_FILES_H

#include "device.h"
#include "ntfs.h"
#include "store.h"

struct boot {
	struct memory memory;
	struct place own;     /* where this program came from */
	struct volume volume; /* the same */
	struct store store;
	char entry[GUID_LENGTH + 1]; /* the default one */
};

/* Begins a line about an entry: "entry {GUID}: ". */
void files_begin_line(struct line *line, const char *guid);

/*
 * Prints "entry {GUID}: \ntldr on partition 1 of disk 0x80: there", or "missing", or "unreadable".
 * `path` has `length` units.  Returns whether the file is there, with its content.
 */
bool files_print(struct boot *boot, const char *guid, const struct place *place,
		 const uint16_t *path, uint32_t length, struct bytes *content);

#endif
