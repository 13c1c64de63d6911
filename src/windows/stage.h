/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Staging: carries out a plan's operations, in their order, on a disk that is not durable yet. */
#ifndef BOOTSHIFT_STAGE_H
#define BOOTSHIFT_STAGE_H

#include "volume/volume.h"

/* Called when operation `index` is done and everything that it wrote is on the disk. */
typedef int stage_progress(void *context, uint32_t index, struct bs_error *err);

/*
 * Carries out the plan on the engine's disk and fills in the hashes of its files, which are known
 * only afterwards.  The engine opens the system volume; libntfs-3g always opens the boot volume,
 * because no other engine writes.  The caller has called accounting_prove() before.  Errors: those
 * of the volumes; BS_CHANGED_MEANWHILE when the disk is not what the plan says.
 */
MUST_CHECK int stage_run(const struct volume_engine *engine, struct bs_plan *plan,
			 stage_progress *progress, void *context, struct bs_error *err);

#endif
