/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slots for virtual machines: as many as the host has processors, for all processes of a user.  A
 * machine that runs holds a slot.
 */
#ifndef BOOTSHIFT_MACHINE_SLOT_H
#define BOOTSHIFT_MACHINE_SLOT_H

#include "util/err.h"

/*
 * Waits for a slot and takes it.  The slot is free again after machine_slot_free(), or when the
 * process ends, however that happens.  After `patience` milliseconds the function returns even
 * without a slot.  Returns the slot, or -1 on error: BS_INTERRUPTED when a held signal asks to stop.
 */
MUST_CHECK int machine_slot_take(unsigned patience, struct bs_error *err);

void machine_slot_free(int slot);

#endif
