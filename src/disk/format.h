/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the container to the guest's disk.  The format is decided once, here, from bytes that the
 * guest cannot write, wherever there are such bytes (see format.c).
 */
#ifndef BOOTSHIFT_FORMAT_H
#define BOOTSHIFT_FORMAT_H

#include "disk/disk.h"

struct format {
	const char *name;  /* "raw" or "vhd" (fixed), a constant */
	struct disk *disk; /* the guest's disk; whoever opened the format closes it */
};

/*
 * Opens the guest's disk in `container`, which must outlive it.  `forced` is NULL, to decide by
 * the container's content, or "raw" or "vhd", to believe the caller: raw is then not probed at
 * all, and vhd must have a good footer.  Errors: BS_USAGE (no such name), BS_NOT_AN_IMAGE (not
 * whole sectors), BS_FORMAT_UNSUPPORTED, BS_VHD_CORRUPT, BS_VHD_SAVED_STATE, BS_VHD_DIFFERENCING,
 * BS_NO_MEMORY, and those of reading the container.
 */
MUST_CHECK int format_open(struct disk *container, const char *forced, struct format *format,
			   struct bs_error *err);

#endif
