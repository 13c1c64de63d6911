/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the boot files meet where they go: what gives way to them, and what cannot. */
#ifndef BOOTSHIFT_BOOT_TARGET_H
#define BOOTSHIFT_BOOT_TARGET_H

#include "util/err.h"

struct survey;
struct volume;

/*
 * Counts what gives way to the items, and drops from the list the folders on the way that are there
 * already, which stay as they are.  What cannot give way is a finding.  Errors: those of the
 * volume.
 */
MUST_CHECK int boot_target_meet(struct survey *survey, struct volume *target, struct bs_error *err);

#endif
