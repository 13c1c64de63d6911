/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking back: what roll-back, recovery and undo have in common, once it is settled that the image
 * may be written.
 */
#ifndef BOOTSHIFT_TRANSACTION_RESTORE_H
#define BOOTSHIFT_TRANSACTION_RESTORE_H

#include <sys/stat.h>

#include "transaction/journal-file.h"
#include "transaction/place.h"

/*
 * Opens the image for writing, a regular file, and fills *stat.  An image without any write
 * permission is read-only to everybody, also to root, who could open it.  The descriptor, or -1:
 * BS_READ_ONLY, BS_NO_PERMISSION, BS_NOT_FOUND, BS_NOT_AN_IMAGE, BS_IN_USE, BS_IO.
 */
MUST_CHECK int restore_open_image(const struct place *place, const struct transaction_io *io,
				  struct stat *stat, struct bs_error *err);

/*
 * Makes the image wholly old through `descriptor`: the old length, the bytes before, the holes;
 * syncs it; reads it back.  `bytes_written` false says that no range holds new bytes yet, only
 * reserved space.  The journal has been validated, and what must be marked first is marked.
 */
MUST_CHECK int restore_image(const struct place *place, struct journal_file *journal,
			     int descriptor, bool bytes_written, const struct transaction_io *io,
			     struct bs_error *err);

/*
 * Marks the journal DONE and removes it.  The image is wholly old.  Either of the two is enough,
 * and that the removal is not durable yet does no harm: a journal that comes back after a crash
 * is DONE, or restores what is there already.
 */
MUST_CHECK int restore_discard_journal(const struct place *place, uint32_t identity,
				       const struct transaction_io *io, struct bs_error *err);

#endif
