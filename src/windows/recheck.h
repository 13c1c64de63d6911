/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks a disk that was fixed earlier.  Unlike a verification (verify.h), the check does not end
 * at the first difference, and it knows what Windows changes by itself: it lists everything that is
 * not as the fix left it, and says which of it was to be expected.
 */
#ifndef BOOTSHIFT_RECHECK_H
#define BOOTSHIFT_RECHECK_H

#include "survey/survey.h"
#include "windows/differences.h"

/* Whether the plan has the hashes of its files, because the fix was rehearsed with it. */
bool recheck_plan_is_hashed(const struct bs_plan *plan);

/*
 * Makes the plan of an earlier fix, without hashes, from the boot files that are still on the
 * partition that they came from.  That is options->system_partition or, if it is 0, the only
 * partition with boot files that start a Windows on another partition.  `survey` is one of the disk
 * as it is now, without a choice of the system partition.  The caller frees *plan with
 * bs_plan_free(), also on error.  Errors: BS_NO_RECORD if no plan can be made of what is there;
 * those of a survey.
 */
MUST_CHECK int recheck_make_plan(const struct volume_engine *engine, const struct survey *survey,
				 const struct bs_options *options, struct bs_plan **plan,
				 struct bs_error *err);

/*
 * Lists what is not as the fix left it, in an order that does not depend on the engine.  `survey`
 * is as above.  A copy is compared with the boot file that it was made from.  If that file is gone,
 * or is not as the plan says any more, the copy is compared only with the plan, and an expected
 * difference of the disk says what was not compared.  The caller frees *found, also on error.
 * Errors: BS_NOT_FIXED if none of the plan's files is there; BS_PLAN_UNRELATED if the plan is for
 * another disk; a finding of the survey or BS_NTFS_DAMAGED if the boot volume cannot be read; those
 * of the disk.
 */
MUST_CHECK int recheck_run(const struct volume_engine *engine, const struct bs_plan *plan,
			   const struct survey *survey, const struct bs_options *options,
			   struct differences *found, struct bs_error *err);

/*
 * Adds the links of the boot chain that are broken to the list, also those that a fix leaves as they
 * were.  Error: BS_NO_MEMORY.
 */
MUST_CHECK int recheck_chain(const struct bs_inspection *report, struct differences *found,
			     struct bs_error *err);

#endif
