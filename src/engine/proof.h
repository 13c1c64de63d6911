/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proof by a start: a confined worker makes the map of the disk, the disk starts in a virtual
 * machine, and the watch reads from the machine's accesses how far it came.
 */
#ifndef BOOTSHIFT_PROOF_H
#define BOOTSHIFT_PROOF_H

#include "disk/disk.h"

/* The caller frees both, also after an error; NULL: not known. */
struct proof {
	struct bs_inspection *inspection; /* of the disk that was started */
	struct bs_start *start;
};

/*
 * Starts `disk`, which is never written.  `plan` is the plan that was carried out on the disk, or
 * NULL.  With a plan, the start is judged as that of a prepared disk (`strict` in watch.h).  A
 * start that is not proven is no error.  Errors: those of the worker and of the machine.
 */
MUST_CHECK int proof_run(struct disk *disk, const struct bs_options *options,
			 const struct bs_plan *plan, struct proof *proof, struct bs_error *err);

void proof_free(struct proof *proof);

/* Frees a start with its picture.  NULL is allowed. */
void proof_free_start(struct bs_start *start);

/*
 * Adds to an inspection what a start of the same disk has shown: whether the disk starts, and that
 * links are good which could not be checked.
 */
void proof_tell_inspection(const struct bs_start *start, struct bs_inspection *inspection);

#endif
