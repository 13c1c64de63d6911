/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOT_MENU_H
#define BOOT_MENU_H

#include "files.h"

/* Prints, for each entry of the menu, for systems and for tools, the files that it needs. */
void menu_print(struct boot *boot);

#endif
