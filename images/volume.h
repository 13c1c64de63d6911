/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One partition's volume.
 */
#ifndef IMAGES_VOLUME_H
#define IMAGES_VOLUME_H

#include "recipe.h"

struct _ntfs_volume;

/*
 * Makes the volume with all files of the recipe in a memory file of the partition's size and
 * returns its descriptor; the caller closes it.
 */
int volume_make(const struct recipe *recipe, const struct partition *partition);

/* fat-volume.c: the same for a FAT volume. */
int fat_volume_make(const struct recipe *recipe, const struct partition *partition);

/* The bytes of the partition that the file system takes, the copy of its first sector included. */
uint64_t volume_size(const struct partition *partition);

/*
 * boot-record.c: gives the volume its serial number, hidden sectors and boot code, and repeats the
 * first sector behind the file system's last one, as NTFS wants it.
 */
void boot_record_write(const struct partition *partition, int fd);

/* journal.c: writes the journal's restart pages; the volume is mounted (ntfs-3g/volume.h). */
void journal_write(struct _ntfs_volume *volume, const struct partition *partition);

#endif
