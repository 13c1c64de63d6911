/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parent adds to an inspection when an image is refused, and what it says without one. */
#ifndef BOOTSHIFT_INSPECTION_H
#define BOOTSHIFT_INSPECTION_H

#include "disk/disk.h"

/* Adds a refusal to the findings, unless the survey has told it already: no fix applies. */
void inspection_refuse(struct bs_inspection *inspection, const struct bs_error *refusal);

/*
 * An inspection without the volumes, for when reading them ended the worker: the size of the disk
 * and the four entries of the partition table.  The caller frees it.  NULL when the disk cannot be
 * read, or memory runs out.
 */
struct bs_inspection *inspection_without_worker(struct disk *disk,
						const struct bs_options *options);

#endif
