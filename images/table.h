/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies on the disk outside of its volumes.
 */
#ifndef IMAGES_TABLE_H
#define IMAGES_TABLE_H

#include "recipe.h"

/*
 * Writes the boot sector with the partition table, and what else the table needs: extended boot
 * records for logical partitions, or a whole GPT.  Ends the program when the partitions do not fit
 * the disk or overlap.  `path` names the same file as `fd`.
 */
void table_write(const struct recipe *recipe, int fd, const char *path);

/* Puts the footer of a fixed VHD behind a disk of that size. */
void vhd_footer_write(const struct recipe *recipe, int fd);

#endif
