/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan: a pure function of the facts. */
#ifndef BOOTSHIFT_PLAN_H
#define BOOTSHIFT_PLAN_H

#include "survey/facts.h"

/*
 * Makes the list of operations that a disk with the verdict BS_VERDICT_FIXABLE needs, in their
 * order.  Fields that only the rehearsal can fill in are 0.  The caller frees *plan with
 * bs_plan_free().  Errors: BS_NO_MEMORY.
 */
MUST_CHECK int plan_make(const struct facts *facts, struct bs_plan **plan, struct bs_error *err);

/* Whether a plan copies boot files.  If not, it only gives the disk its signature back. */
bool plan_moves_files(const struct bs_plan *plan);

/* Whether a plan makes boot files anew: the originals are on the boot volume, too (rebuild.h). */
bool plan_rebuilds(const struct bs_plan *plan);

/* The attributes that a planned file or folder has besides those of its original. */
uint32_t plan_added_attributes(const struct bs_plan *plan, const char *path);

/* The disk's signature after the fix. */
uint32_t plan_signature_after(const struct bs_plan *plan);

/* Returns an empty plan with room for so many files and elements; NULL when memory runs out. */
struct bs_plan *plan_new(uint32_t files, uint32_t elements);

/*
 * Compares two rehearsed plans: an earlier one, and one for the image as it is now.  Returns false
 * if they make the same changes to the same content.  Otherwise `words` tells the first difference:
 * "\Boot\BCD has other content now".  The function ignores the numbers of sectors: they depend on
 * the version of the NTFS library, not on the image.
 */
bool plan_difference(const struct bs_plan *earlier, const struct bs_plan *now,
		     char words[BS_DIFFERENCE_MAX]);

#endif
