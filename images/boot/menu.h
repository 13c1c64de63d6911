/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOT_MENU_H
#define BOOT_MENU_H

#include "boot.h"

/* Prints for each entry of the menu, systems and tools, whether the files that it needs are there. */
void menu_print(struct boot *boot);

#endif
