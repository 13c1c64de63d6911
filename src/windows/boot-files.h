/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boot files: what a fix moves from the system volume to the boot volume. */
#ifndef BOOTSHIFT_BOOT_FILES_H
#define BOOTSHIFT_BOOT_FILES_H

/*
 * Paths on both volumes, in the order in which they are copied.  The whole of \Boot goes, and of
 * the rest what is there: BOOTNXT came with Windows 8.
 */
enum boot_item { BOOT_ITEM_BOOTMGR, BOOT_ITEM_BOOTNXT, BOOT_ITEM_FOLDER, BOOT_ITEMS };
extern const char *const boot_items[BOOT_ITEMS];

#define BOOT_BCD_PATH "\\Boot\\BCD"

#endif
