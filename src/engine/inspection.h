/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parent's part of an inspection: a refusal as a finding, and a report without a worker. */
#ifndef BOOTSHIFT_INSPECTION_H
#define BOOTSHIFT_INSPECTION_H

#include "disk/disk.h"

/* Whether there is a finding with this code. */
bool inspection_has(const struct bs_inspection *inspection, enum bs_code code);

/* Adds a refusal to the findings, unless the survey has added it already.  No fix applies then. */
void inspection_refuse(struct bs_inspection *inspection, const struct bs_error *refusal);

/* Copies the first finding that prevents a fix to *err.  Returns whether there is one. */
bool inspection_first_refusal(const struct bs_inspection *inspection, struct bs_error *err);

/*
 * Returns an inspection without the volumes, for a worker that ended while it read them.  It has
 * the size of the disk and the four entries of the partition table.  The caller frees it.  Returns
 * NULL when the disk cannot be read, or memory runs out.
 */
struct bs_inspection *inspection_without_worker(struct disk *disk,
						const struct bs_options *options);

#endif
