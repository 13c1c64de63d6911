/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows/boot-files.h"

const char *const boot_items[BOOT_ITEMS] = {
	[BOOT_ITEM_BOOTMGR] = "\\bootmgr",
	[BOOT_ITEM_BOOTNXT] = "\\BOOTNXT",
	[BOOT_ITEM_FOLDER] = "\\Boot",
};
