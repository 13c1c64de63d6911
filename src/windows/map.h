/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the map of a disk for a start (start/places.h): where the files of the boot chain lie. */
#ifndef BOOTSHIFT_WINDOWS_MAP_H
#define BOOTSHIFT_WINDOWS_MAP_H

#include "start/places.h"
#include "survey/facts.h"

/*
 * Makes the map of the engine's disk, on which a survey found `facts`.  `plan` is the plan that was
 * carried out on the disk, or NULL.  With a plan, its system partition is the old system partition;
 * without a plan, a partition that is not active but has boot files is.  Whatever is missing or
 * damaged on the disk is missing in the map.  The caller seals the map, and frees it, also after an
 * error.  Errors: those of the disk, BS_NO_MEMORY.
 */
MUST_CHECK int map_make(const struct volume_engine *engine, struct facts *facts,
			const struct bs_plan *plan, struct places *places, struct bs_error *err);

/*
 * The index of the partition that the code in the MBR starts: the first active one, also if several are
 * active.  -1: there is none.
 */
int32_t map_first_active(const struct facts *facts);

#endif
