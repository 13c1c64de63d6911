/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations that differ between the kinds of targets.  Only target.c calls them. */
#ifndef BOOTSHIFT_TRANSACTION_TARGET_KIND_H
#define BOOTSHIFT_TRANSACTION_TARGET_KIND_H

#include "transaction/target.h"

#define TARGET_WHAT "the image" /* in messages */

struct target_operations {
	/*
	 * Fills in name and disk, for a file or a device also the kind and the descriptor.  On
	 * error the caller closes what was filled in.
	 */
	int (*open)(struct target *target, const char *image, enum target_access access,
		    struct bs_error *err);
	void (*close)(struct target *target); /* the disk and the descriptor */
	/* The functions of the same names in target.h. */
	int (*look)(const struct target *target, struct target_status *status,
		    struct bs_error *err);
	int (*check_writable)(const struct target *target, struct bs_error *err);
};

extern const struct target_operations target_file_operations, target_nbd_operations;

#endif
