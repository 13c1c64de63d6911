/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making boot files anew: the elements of the new BCD, and the originals of the new files, which
 * are on the boot volume, too, at other paths.
 *
 * The new BCD is what bcdboot makes: the settings of the template, the boot manager, Windows, and
 * the entries for waking, for the memory diagnostic and for the recovery environment, if their files
 * are there.  What the old BCD has of the boot manager and of Windows is kept, and so are entries
 * of other Windows.  The names of new entries are made of the disk's signature and the partition,
 * so the same disk always gives the same BCD.
 */
#ifndef BOOTSHIFT_REBUILD_H
#define BOOTSHIFT_REBUILD_H

#include "survey/facts.h"
#include "volume/tree.h"

/*
 * Sets the plan's elements, which has room for BS_ELEMENTS_MAX, and *size to the size of the BCD in
 * bytes.  Errors: BS_NO_MEMORY, and BS_BCD_DAMAGED if the elements are too many.
 */
MUST_CHECK int rebuild_make_elements(const struct facts *facts, struct bs_plan *plan,
				     uint64_t *size, struct bs_error *err);

/*
 * Visits the original of a new boot file.  The visit has the path of the new file, and the metadata
 * has its name.  Errors: BS_CHANGED_MEANWHILE if the original is missing; those of the volume.
 */
MUST_CHECK int rebuild_visit(struct volume *volume, const char *path, tree_visitor *visit,
			     void *context, struct bs_error *err);

/* Compares a BCD with the plan's elements.  Error: BS_VERIFY, with the first difference. */
MUST_CHECK int rebuild_compare(const struct bs_plan *plan, const uint8_t *bytes, size_t size,
			       struct bs_error *err);

#endif
