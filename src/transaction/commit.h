/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes staged bytes real, all or nothing, and takes them back bit for bit.
 *
 * What is promised, on storage whose flush is honest: the image is opened for writing only by the
 * calls below that change it, and only after everything that can be checked was checked; after a
 * crash at any point the image is wholly old or can be made so with transaction_recover(), or it is
 * wholly new and marked so; every call can be repeated.
 *
 * The caller holds the image's lock for changing (lock.h) around each call, and around staging and
 * commit together.  `io` may be NULL: the real system calls; on an NBD export it is used for the
 * journal only.
 *
 * An error of class BS_EXIT_RECOVERY means that the image may be neither old nor new and that the
 * journal was kept.  After every other error it is as it was before the call.
 *
 * The order of a commit, and that of taking back, with every step durable before the next one
 * begins; state.h says what follows from a stop between two of them:
 *
 *	commit     publish journal, set signpost, write and read back, remove signpost, APPLIED
 *	undo       UNDOING, set signpost, restore and read back, remove signpost, DONE
 *	recovery   the same without UNDOING
 *
 * The journal may lose its name on the way: somebody removes, moves or replaces it.  Both go by
 * the open file, and a commit then ends with taking back what it has written.
 */
#ifndef BOOTSHIFT_COMMIT_H
#define BOOTSHIFT_COMMIT_H

#include "transaction/journal-file.h"
#include "transaction/place.h"
#include "transaction/ranges.h"

enum transaction_state {
	TRANSACTION_NONE,        /* no journal */
	TRANSACTION_INTERRUPTED, /* has to be recovered first */
	TRANSACTION_APPLIED,     /* fixed; can be undone */
	TRANSACTION_DONE,        /* taken back; only the journal was not removed yet */
};

/*
 * Tells what the journal's header and marks say; temporary journals do not count.
 * Errors: BS_RECOVERY_REQUIRED, when the image has a signpost that the journal does not account
 * for (see state.h); BS_JOURNAL_DAMAGED, and those of finding and reading files.
 */
MUST_CHECK int transaction_state(const struct place *place, enum transaction_state *state,
				 struct bs_error *err);

/*
 * Fails when a commit would find another transaction: BS_UNDO_FILE_EXISTS after a fix,
 * BS_RECOVERY_REQUIRED after an interruption.  Other errors: those of transaction_state().
 */
MUST_CHECK int transaction_check_none(const struct place *place, struct bs_error *err);

struct commit_request {
	const struct place *place; /* its target was opened before the staging began */
	struct overlay *overlay;   /* over that target's disk; may have grown, not shrunk */
	const struct guard_zone *zones;
	size_t zone_count;
	const uint8_t *maker; /* BS_MAKER_SIZE bytes for the journal; NULL: zeros */
};

struct commit_result {
	uint64_t extents, bytes; /* written to the image */
	struct journal_file *journal;
};

/*
 * Commits.  transaction_recover() has been called before.  Errors, image unchanged:
 * BS_UNDO_FILE_EXISTS, BS_CHANGED_MEANWHILE, BS_READ_ONLY, BS_NO_PERMISSION, BS_NO_SPACE,
 * BS_VERIFY (the image did not read back as written), BS_FORMAT_UNSUPPORTED (shrunk, or grown
 * where the length is fixed), BS_IO and
 * others of the machine.  BS_RECOVERY_REQUIRED when the roll-back failed as well, or when an
 * earlier transaction has not been recovered.  BS_CHANGED_MEANWHILE also when somebody else
 * wrote to the image during the commit and it had to be rolled back: then what the others wrote is
 * kept, and the rest is as before.  BS_UNDO_FILE_LOST: the journal lost its name.  *result is set
 * on success only; its journal is closed by the caller.
 */
MUST_CHECK int transaction_commit(const struct commit_request *request,
				  const struct transaction_io *io, struct commit_result *result,
				  struct bs_error *err);

/*
 * Takes back an interrupted transaction and removes what was left over by others; *recovered says
 * whether there was one to take back.  Nothing is written before the whole journal is proved
 * intact and the image proved to be what an interruption can leave.  Errors: BS_JOURNAL_DAMAGED,
 * BS_CHANGED_SINCE (the image was replaced or written to since), BS_RECOVERY_REQUIRED with the
 * cause in the message, also for a transaction with another journal, which is left alone.  An undo
 * that had only to remove its journal counts as recovered, too.  A file may have other times
 * afterwards, even when nothing was recovered.
 */
MUST_CHECK int transaction_recover(const struct place *place, const struct transaction_io *io,
				   bool *recovered, struct bs_error *err);

enum undo_outcome {
	UNDO_EXACT,      /* what the fix changed is as before, and nothing else was written since */
	UNDO_OF_THE_FIX, /* what the fix changed is as before; the rest is as it was found */
	UNDO_OF_OURS,    /* the same, but somebody else wrote into what the fix changed: kept */
	UNDO_NOT_NEEDED, /* it was so already: nothing was written, the journal is still there */
};

/*
 * Takes back an applied transaction; *outcome tells what the image is then.  UNDO_EXACT goes by a
 * file's time of change, so it is not told of what is no file.  Errors, image unchanged:
 * BS_NO_UNDO_FILE, BS_UNDO_FILE_DAMAGED, BS_CHANGED_SINCE, BS_READ_ONLY, BS_NO_PERMISSION, BS_IO.
 * BS_JOURNAL_DAMAGED: image unchanged too.  BS_RECOVERY_REQUIRED: begun and not finished, or
 * interrupted before: recover.
 */
MUST_CHECK int transaction_undo(const struct place *place, const struct transaction_io *io,
				enum undo_outcome *outcome, struct bs_error *err);

/*
 * The same for a commit that has just succeeded, by its open journal.  Nobody relies on that fix
 * yet, so it is also taken back where somebody wrote into it since: UNDO_OF_OURS.
 */
MUST_CHECK int transaction_undo_commit(const struct place *place,
				       const struct commit_result *committed,
				       const struct transaction_io *io, enum undo_outcome *outcome,
				       struct bs_error *err);

#endif
