/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOT_LEGACY_H
#define BOOT_LEGACY_H

#include "boot.h"

/*
 * Prints which files are there that an entry for Windows XP needs besides its loader: NTDETECT.COM,
 * boot.ini and the boot sectors that boot.ini names, all beside the loader at `place`, and the
 * kernel of the default Windows on the partition that boot.ini gives by a number.
 */
void legacy_print(struct boot *boot, const char *guid, const struct place *place);

#endif
