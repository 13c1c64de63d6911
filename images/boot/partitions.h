/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks' partition tables, primary and logical partitions.
 */
#ifndef BOOT_PARTITIONS_H
#define BOOT_PARTITIONS_H

#include "bios.h"

#define DISKS 2u /* that are looked at, from FIRST_DISK on */

/* The number of the partition that begins at that sector: 1 to 4, logical ones from 5; 0: none. */
unsigned partition_at(uint8_t disk, uint32_t first_sector);

/*
 * The first sector of a partition by its number in boot.ini: there the primary partitions count
 * first, empty and extended ones left out, then the logical ones.  0: there is none.
 */
uint32_t partition_of_arc_number(uint8_t disk, uint32_t number);

/* The disk with that signature among the first two; 0 when neither has it. */
uint8_t disk_with_signature(uint32_t signature);

#endif
