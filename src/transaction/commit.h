/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the staged bytes to the image, all or none of them, and takes them back bit for bit.
 *
 * The promise, on storage whose flush is honest:
 * - Before anything is written, everything that can be checked is checked.
 * - After a crash at any point, the image is either wholly new and marked so, or it is wholly old or
 *   transaction_recover() makes it so.
 * - Every call can be repeated.
 * - After an error of class BS_EXIT_RECOVERY the image may be neither old nor new, and the journal
 *   is kept.  After every other error the image is as it was before the call.
 *
 * The caller holds the image's lock for changing (lock.h) around each call, and around staging and
 * commit together.
 *
 * Each step below is durable before the next one begins; state.h says what follows from a stop
 * between two of them, and commit-steps.h what holds in each:
 *
 *	commit     publish journal, set signpost, write and read back, remove signpost, APPLIED
 *	undo       UNDOING, set signpost, restore and read back, remove signpost, DONE
 *	recovery   the same without UNDOING
 *
 * The journal may lose its name on the way, when somebody removes, moves or replaces it.  Commit and
 * undo use the open file.  A commit whose journal lost its name is taken back.
 */
#ifndef BOOTSHIFT_COMMIT_H
#define BOOTSHIFT_COMMIT_H

#include "disk/overlay.h"
#include "transaction/journal-file.h"
#include "transaction/place.h"
#include "util/range.h"

enum transaction_state {
	TRANSACTION_NONE,        /* no journal */
	TRANSACTION_INTERRUPTED, /* has to be recovered first */
	TRANSACTION_APPLIED,     /* fixed; can be undone */
	TRANSACTION_DONE,        /* taken back; only the journal is still there */
};

/*
 * Sets *state to what the journal's marks say; temporary journals do not count.  Errors:
 * BS_RECOVERY_REQUIRED when the image has a signpost that the journal does not explain (state.h);
 * BS_JOURNAL_DAMAGED, and those of finding and reading files.
 */
MUST_CHECK int transaction_state(const struct place *place, enum transaction_state *state,
				 struct bs_error *err);

/*
 * Fails if a commit would find another transaction: BS_UNDO_FILE_EXISTS after a fix,
 * BS_RECOVERY_REQUIRED after an interruption.  Other errors: those of transaction_state().
 */
MUST_CHECK int transaction_check_none(const struct place *place, struct bs_error *err);

struct commit_request {
	const struct place *place; /* its target was opened before the staging began */
	struct overlay *overlay;   /* over that target's disk; may have grown, not shrunk */
	const struct range *zones; /* bytes of the new image that must not change until the undo */
	size_t zone_count;
	const uint8_t *maker; /* BS_MAKER_SIZE bytes for the journal; NULL: zeros */
};

struct commit_result {
	uint64_t extents, bytes; /* written to the image */
	struct journal_file *journal;
};

/*
 * Commits.  The caller has called transaction_recover() before.  *result is set on success only;
 * the caller closes its journal.  Errors, image unchanged:
 * - BS_UNDO_FILE_EXISTS, BS_READ_ONLY, BS_NO_PERMISSION, BS_NO_SPACE, BS_IO and others of the
 *   machine;
 * - BS_CHANGED_MEANWHILE: the image is not the one that was staged.  Also, another process wrote to
 *   the image during the commit: then its bytes are kept, and the rest is as before;
 * - BS_VERIFY: the image did not read back as it was written;
 * - BS_FORMAT_UNSUPPORTED: the overlay has shrunk, or has grown over a fixed length;
 * - BS_UNDO_FILE_LOST: the journal lost its name.
 * BS_RECOVERY_REQUIRED: taking the commit back failed as well, or an earlier transaction has not
 * been recovered.
 */
MUST_CHECK int transaction_commit(const struct commit_request *request,
				  struct commit_result *result, struct bs_error *err);

/*
 * Takes back an interrupted transaction, and removes temporary journals, journals marked DONE and
 * signposts that were left over.  *recovered: a transaction was taken back, or a journal marked
 * DONE was removed.  Before anything is written, the whole journal is proved to be intact and the
 * image to be what an interruption can leave.  A file may have other times afterwards, even if
 * nothing was recovered.  Errors: BS_JOURNAL_DAMAGED; BS_CHANGED_SINCE (the image was replaced or
 * written to since); BS_RECOVERY_REQUIRED with the cause in the message, also if a transaction with
 * another journal was interrupted, which is left alone.
 */
MUST_CHECK int transaction_recover(const struct place *place, bool *recovered,
				   struct bs_error *err);

enum undo_outcome {
	UNDO_EXACT,      /* the fix is taken back, and nothing else was written since the fix */
	UNDO_OF_THE_FIX, /* the fix is taken back; other changes may have been made, and are kept */
	UNDO_OF_OURS,    /* the same, and others changed bytes that the fix had changed: kept */
	UNDO_NOT_NEEDED, /* the image was old already; nothing was written, the journal is kept */
};

/*
 * Takes back an applied transaction.  UNDO_EXACT is proved by a file's time of change, so it never
 * is the outcome for a device or an export.  Errors, image unchanged: BS_NO_UNDO_FILE,
 * BS_UNDO_FILE_DAMAGED, BS_JOURNAL_DAMAGED, BS_CHANGED_SINCE, BS_READ_ONLY, BS_NO_PERMISSION,
 * BS_IO.  BS_RECOVERY_REQUIRED: this or an earlier call began and did not finish.
 */
MUST_CHECK int transaction_undo(const struct place *place, enum undo_outcome *outcome,
				struct bs_error *err);

/*
 * Takes back a commit that has just succeeded, through its open journal.  Nobody relies on that fix
 * yet, so it is taken back even if somebody has written into its bytes since: UNDO_OF_OURS.
 */
MUST_CHECK int transaction_undo_commit(const struct place *place,
				       const struct commit_result *committed,
				       enum undo_outcome *outcome, struct bs_error *err);

#endif
