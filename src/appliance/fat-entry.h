/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file's entry in a folder of a FAT volume: a codec on buffers, no I/O.
 *
 * (Layout: Microsoft, "FAT: General Overview of On-Disk Format", FAT Directory Structure.)
 */
#ifndef BOOTSHIFT_FAT_ENTRY_H
#define BOOTSHIFT_FAT_ENTRY_H

#include "volume/volume.h"

#define FAT_ENTRY_SIZE 32u

/*
 * Fills in what an entry of FAT_ENTRY_SIZE bytes says about a file: attributes, times, whether the
 * file is a folder, and the short name.  metadata->name has to be set: it tells whether the short
 * name is a separate one.  Returns false if the entry is free or belongs to no file.
 *
 * FAT has local time and does not say of which time zone.  The time is taken as UTC, so that the
 * result does not depend on the machine.  FAT knows the time of a change to 2 s, that of the
 * creation to 10 ms, and only the day of the last access.  An entry without a valid time of
 * creation or access gets the time of the change.
 */
bool fat_entry_describe(const uint8_t *entry, struct volume_metadata *metadata);

#endif
