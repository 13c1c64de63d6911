/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the staged bytes to the image, all or none of them, and can restore the old bytes exactly.
 *
 * The promise, on storage that has really stored the data when a flush returns:
 * - Everything that can be checked is checked before anything is written.
 * - After a crash at any point, the image is wholly new and marked so, or it is wholly old, or
 *   transaction_recover() makes it wholly old.
 * - Every call can be repeated.
 * - After an error of class BS_EXIT_RECOVERY the image may be neither old nor new, and the journal
 *   is kept.  After every other error the image is as it was before the call.
 *
 * The caller holds the image's lock for changing (lock.h) around each call, and around staging and
 * commit together.
 *
 * Each step below is durable before the next one begins.  state.h says what a command does after a
 * stop between two steps.  commit-steps.h says what holds in each step.
 *
 *	commit     publish journal, set signpost, write and read back, remove signpost, APPLIED
 *	undo       UNDOING, set signpost, restore and read back, remove signpost, DONE
 *	recovery   the same without UNDOING
 *
 *	accept     remove the hint, remove the journal
 *
 * With the signpost's removal goes the setting or the removal of the hint (hint.h), which nothing
 * here depends on.
 *
 * The journal may lose its name meanwhile: somebody may remove, move or replace it.  Commit and
 * undo continue with the open file.  A commit whose journal lost its name is taken back.
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
 * Sets *state to the state in the journal's marks.  Temporary journals do not count.  Errors:
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
	struct overlay *overlay;   /* over that target's disk; may be longer, not shorter */
	const struct range *zones; /* bytes of the new image that must not change until the undo */
	size_t zone_count;
	/*
	 * What the files of an image in several files get at their ends, sorted (ends.h); NULL:
	 * nothing.  An image in one file gets the length of the overlay.
	 */
	const struct range_vector *growths;
	const uint8_t *maker; /* BS_MAKER_SIZE bytes for the journal; NULL: zeros */
	/* Called when bytes were written to the image; may be NULL.  `total`: all that will be. */
	void (*tell)(void *context, uint64_t done, uint64_t total);
	void *context;
};

struct commit_result {
	uint64_t extents, bytes; /* written to the image */
	int64_t created;         /* the journal's time */
};

/*
 * Writes the staged bytes to the image.  The caller has called transaction_recover() before.
 * *result is set on success only.  Errors, image unchanged:
 * - BS_UNDO_FILE_EXISTS, BS_READ_ONLY, BS_NO_PERMISSION, BS_NO_SPACE, BS_IO and others of the
 *   machine;
 * - BS_CHANGED_MEANWHILE: the image was replaced or changed since the staging, or another process
 *   wrote to the image during the commit.  That process's bytes are kept; all others are as before;
 * - BS_VERIFY: the image, or the journal, did not read back as it was written;
 * - BS_FORMAT_UNSUPPORTED: the overlay has shrunk, or has grown over a fixed length;
 * - BS_UNDO_FILE_LOST: the journal lost its name.
 * BS_RECOVERY_REQUIRED: taking the commit back failed as well, or an earlier transaction has not
 * been recovered.
 */
MUST_CHECK int transaction_commit(const struct commit_request *request,
				  struct commit_result *result, struct bs_error *err);

/*
 * Checks, without changing anything, what only the staged bytes tell: that there is room for the
 * journal and for the longer image, and that the image may become longer.  Errors:
 * BS_FORMAT_UNSUPPORTED, BS_NO_SPACE, those of place_check_room(), BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int transaction_check_commit(const struct commit_request *request, struct bs_error *err);

/*
 * Takes back an interrupted transaction, and removes temporary journals, journals marked DONE and
 * signposts that were left over.  *recovered: a transaction was taken back, or a journal marked
 * DONE was removed.  Before the function writes to the image, it proves that the whole journal is
 * intact and that an interruption can have left this image.  A file may have other times
 * afterwards, even if nothing was recovered.  Errors: BS_JOURNAL_DAMAGED; BS_CHANGED_SINCE (the
 * image was replaced or written to since); BS_RECOVERY_REQUIRED with the cause in the message.  The
 * last error also means an interrupted transaction with another journal.  The function does not
 * change that.
 */
MUST_CHECK int transaction_recover(const struct place *place, bool *recovered,
				   struct bs_error *err);

enum undo_outcome {
	UNDO_EXACT,      /* the fix is taken back, and nothing else was written since the fix */
	UNDO_OF_THE_FIX, /* the fix is taken back; other changes may have been made, and are kept */
	UNDO_NOT_NEEDED, /* the image was old already; nothing was written, the journal is kept */
};

/*
 * Takes back an applied transaction.  The proof of UNDO_EXACT is the file's time of change, so a
 * device or an export never has this outcome.  Errors, image unchanged: BS_NO_UNDO_FILE,
 * BS_UNDO_FILE_DAMAGED, BS_JOURNAL_DAMAGED, BS_CHANGED_SINCE, BS_READ_ONLY, BS_NO_PERMISSION,
 * BS_IO.  BS_RECOVERY_REQUIRED: this or an earlier call began and did not finish.
 */
MUST_CHECK int transaction_undo(const struct place *place, enum undo_outcome *outcome,
				struct bs_error *err);

/*
 * Sets *outcome to the outcome that transaction_undo() would have now, and writes nothing.  Errors:
 * those of transaction_undo(), before its first write.
 */
MUST_CHECK int transaction_foresee_undo(const struct place *place, enum undo_outcome *outcome,
					struct bs_error *err);

/*
 * Sets *fits to whether at least one range of the image is as the fix left it.  If not, the undo
 * file is of another image, or the image was written anew.  Errors: BS_NO_UNDO_FILE,
 * BS_JOURNAL_DAMAGED, BS_NO_MEMORY, BS_IO.
 */
MUST_CHECK int transaction_fits(const struct place *place, bool *fits, struct bs_error *err);

/*
 * Adds the ranges of the image that the fix wrote, merged.  The caller frees *ranges, also on error.
 * Errors: those of transaction_fits().
 */
MUST_CHECK int transaction_list_writes(const struct place *place, struct range_vector *ranges,
				       struct bs_error *err);

/*
 * Makes a view of the image the image as it was before the fix, if all that the fix wrote is as the
 * fix left it.  Sets *growths to what the fix added at the ends of files, which the caller takes
 * away if the image is in several files.  The caller frees *growths, also on error.  Errors: those of
 * transaction_fits(), and those of the view.
 */
MUST_CHECK int transaction_show_before(const struct place *place, struct overlay *view,
				       struct range_vector *growths, struct bs_error *err);

/*
 * Sets *within to whether the fix wrote only in the ranges of the image, which are merged.  If so,
 * sets *intact to whether all that the fix wrote is as the fix left it.  Errors: those of
 * transaction_fits().
 */
MUST_CHECK int transaction_look_at_writes(const struct place *place,
					  const struct range_vector *ranges, bool *within,
					  bool *intact, struct bs_error *err);

/*
 * Ends the undo of an applied transaction: removes the hint and then the journal.  *room: the bytes
 * that the file system gets back.  `rehearse`: checks the journal and sets *room, and removes
 * nothing.  The caller has checked the image.  A crash at any point leaves an image that is fixed
 * and can be undone, or one without a journal and without a hint.
 *
 * Errors: those of transaction_undo() before its first write; BS_UNDO_FILE_LOST if the journal has
 * lost its name meanwhile; BS_NO_PERMISSION, BS_READ_ONLY, BS_IO.
 */
MUST_CHECK int transaction_accept(const struct place *place, bool rehearse, uint64_t *room,
				  struct bs_error *err);

#endif
