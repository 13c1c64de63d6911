/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking back: what roll-back, recovery and undo have in common, once it is settled that the image
 * may be written.
 */
#ifndef BOOTSHIFT_TRANSACTION_RESTORE_H
#define BOOTSHIFT_TRANSACTION_RESTORE_H

#include "transaction/journal-file.h"
#include "transaction/place.h"

enum restore_scope {
	RESTORE_SPACE, /* no range holds new bytes yet: only the length and reserved space */
	RESTORE_ALL,   /* every byte that the journal has */
	RESTORE_OURS,  /* the same, but for sectors that somebody else wrote meanwhile */
};

/*
 * Makes the image wholly old through `image`, open for writing: puts up the signpost, restores the
 * length, the bytes before and the holes, syncs it, reads it back, and takes the signpost away.
 * What somebody else wrote past the old end is cut off in any case.  The journal has been
 * validated, and what must be marked first is marked.
 */
MUST_CHECK int restore_image(const struct place *place, struct target *image,
			     struct journal_file *journal, enum restore_scope scope,
			     struct bs_error *err);

/*
 * Marks the journal, opened for marks, DONE and removes it.  The image is wholly old and has no
 * signpost.  Either of the two is enough, and that the removal is not durable yet does no harm: a
 * journal that comes back after a crash is DONE, or restores what is there already.  Another file
 * under the journal's name is left alone.
 */
MUST_CHECK int restore_discard_journal(const struct place *place,
				       const struct journal_file *journal,
				       const struct transaction_io *io, struct bs_error *err);

#endif
