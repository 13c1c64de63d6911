/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security descriptors from their text form (SDDL), which icacls and cacls /s print.
 */
#ifndef IMAGES_SECURITY_H
#define IMAGES_SECURITY_H

#include "support.h"

/*
 * O:sid G:sid D:flags(ace)...; an ace is (A|D;inheritance;rights;;;sid) with the rights FA, FR, FW,
 * FX, GA or 0x..., and a sid is S-1-... or one of the two-letter names of the table in security.c.
 * Appends the self-relative form of MS-DTYP 2.4.6, the one NTFS keeps.
 */
void security_descriptor_from_sddl(const char *sddl, struct bytes *bytes, struct location where);

#endif
