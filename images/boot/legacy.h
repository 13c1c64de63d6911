/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BOOT_LEGACY_H
#define BOOT_LEGACY_H

#include "files.h"

/*
 * Prints what Windows XP's loader needs that an entry starts: beside it NTDETECT.COM, boot.ini and
 * the boot sectors that this names, and XP on the partition that it gives by a number.
 */
void legacy_print(struct boot *boot, const char *guid, const struct place *place);

#endif
