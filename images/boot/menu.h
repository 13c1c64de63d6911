/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The menu: what each of its entries would start, and whether that is there.
 */
#ifndef BOOT_MENU_H
#define BOOT_MENU_H

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

/*
 * Says of each entry, for systems and for tools, what it needs: "entry {GUID}: \ntldr on partition
 * 1 of disk 0x80: there", or "missing", or "unreadable".
 */
void menu_print(struct boot *boot);

/* The same of one file; `path` has `length` units.  False when it is not there. */
bool menu_print_file(struct boot *boot, const char *guid, const struct place *place,
		     const uint16_t *path, uint32_t length, struct bytes *content);

/*
 * legacy.c: what Windows XP's loader needs that an entry starts: beside it NTDETECT.COM, boot.ini
 * and the boot sectors that this names, and XP on the partition that it gives by a number.
 */
void legacy_print(struct boot *boot, const char *guid, const struct place *place);

#endif
