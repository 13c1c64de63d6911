/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking back: what roll-back, recovery and undo have in common, once it is settled that the image
 * may be written.
 */
#ifndef BOOTSHIFT_TRANSACTION_RESTORE_H
#define BOOTSHIFT_TRANSACTION_RESTORE_H

#include "transaction/journal-file.h"
#include "transaction/place.h"

/*
 * Makes the image wholly old through `image`, open for writing: the old length, the bytes before,
 * the holes; syncs it; reads it back.  `bytes_written` false says that no range holds new bytes
 * yet, only reserved space.  The journal has been validated, and what must be marked first is
 * marked.
 */
MUST_CHECK int restore_image(struct target *image, struct journal_file *journal, bool bytes_written,
			     struct bs_error *err);

/*
 * Marks the journal DONE and removes it.  The image is wholly old.  Either of the two is enough,
 * and that the removal is not durable yet does no harm: a journal that comes back after a crash
 * is DONE, or restores what is there already.
 */
MUST_CHECK int restore_discard_journal(const struct place *place, uint32_t identity,
				       const struct transaction_io *io, struct bs_error *err);

#endif
