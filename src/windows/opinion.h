/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second opinion on a fixed disk: what other people's programs in libguestfs' appliance say.
 * bootshift's own verification uses the NTFS library that wrote the files.  This one does not.
 */
#ifndef BOOTSHIFT_OPINION_H
#define BOOTSHIFT_OPINION_H

#include "appliance/appliance-engine.h"
#include "windows/differences.h"

/*
 * Asks the appliance, which sees the fixed disk:
 * - parted, for the partitions of the plan, and which partitions are active;
 * - libguestfs' inspection, for the Windows on the boot volume;
 * - ntfs-3g, for each copied file with all that describes it (verify.h);
 * - hivex, for the elements of both boot configurations;
 * - ntfsresize and ntfsfix, for the boot volume's structure.
 * Error: BS_SECOND_OPINION with what the appliance says and what bootshift has made; BS_WORKER,
 * BS_NO_MEMORY, the errors of the disk.
 */
MUST_CHECK int opinion_run(const struct appliance_engine *engine, const struct bs_plan *plan,
			   const struct bs_options *options, struct bs_error *err);

/*
 * Asks for all but the files about a fix that was made earlier.  `found` is what the appliance's
 * volumes have shown to be different: hivex compares the boot configurations only if the fixed one
 * was not written to since.  Errors: as above.
 */
MUST_CHECK int opinion_of_earlier_fix(const struct appliance_engine *engine,
				      const struct bs_plan *plan, const struct differences *found,
				      struct bs_error *err);

#endif
