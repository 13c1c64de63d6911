/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compares the journal and the signpost of an image; see state.h. */
#include "transaction/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "transaction/check.h"
#include "util/shell.h"

#define PATHS_MAX 270 /* bytes of two paths and a phrase that fit into one message */

/* DONE outweighs UNDOING, and UNDOING outweighs APPLIED: they are set in turn. */
enum transaction_state state_of(const struct journal_file *journal)
{
	if (!journal)
		return TRANSACTION_NONE;
	if (journal->done)
		return TRANSACTION_DONE;
	if (journal->applied && !journal->undoing)
		return TRANSACTION_APPLIED;
	return TRANSACTION_INTERRUPTED;
}

/* ---- the signpost --------------------------------------------------------------------------- */

/* The image may be half written and cannot be taken back.  `why` says what its undo file is. */
static int state_fail_marked(const struct place *place, const char *why, const char *journal,
			     struct bs_error *err)
{
	bool is_set = place->target->parts.count > 0;
	char *image = is_set ? NULL : shell_word(place->target->name);
	bool fits = image && strlen(image) + strlen(why) + strlen(journal) < PATHS_MAX;

	fail(err, BS_RECOVERY_REQUIRED,
	     "the image is marked as half written, and its undo file %.200s %s; without the right "
	     "file, restore the image from a copy; only if you know that the image is whole, "
	     "remove "
	     "the mark: setfattr -x " TARGET_SIGNPOST " %s",
	     journal, why,
	     is_set ? "FILE, for each file that the disk is in"
	     : fits ? image
		    : "IMAGE");
	free(image);
	return -1;
}

/*
 * Opens the journal that a signpost names, if that is not our own journal.  NULL if the path is not
 * a journal's name, or if the journal cannot be read.  A signpost may come from anybody: only a file
 * with the name of a journal is opened.
 */
static struct journal_file *state_open_other(const char *path, struct bs_error *err)
{
	struct journal_file *journal = NULL;

	err->code = BS_OK;
	if (!place_is_undo_file(path) || journal_file_open(path, &journal, err) < 0)
		return NULL;
	return journal;
}

static int state_fail_elsewhere(const char *signpost, struct bs_error *err)
{
	return fail(err, BS_RECOVERY_REQUIRED,
		    "a fix or an undo with another undo file, or with another name of the image, "
		    "was interrupted: its undo file is %s",
		    signpost);
}

/* The image may be half written, and the signpost leads to another journal, or to none. */
static int state_refuse(const struct place *place, const char *signpost, struct bs_error *err)
{
	struct bs_error why;
	struct journal_file *other = state_open_other(signpost, &why);
	enum transaction_state state = state_of(other);

	journal_file_close(other);
	if (state == TRANSACTION_INTERRUPTED)
		return state_fail_elsewhere(signpost, err);
	if (state != TRANSACTION_NONE)
		return state_fail_marked(place,
					 "belongs to a completed command (is the image a copy?)",
					 signpost, err);
	if (why.code == BS_OK)
		return state_fail_marked(place, "is missing", signpost, err);
	*err = why;
	err->code = BS_RECOVERY_REQUIRED;
	return fail_prefix(err,
			   "the image is marked as half written, and its undo file %.200s cannot "
			   "be used",
			   signpost);
}

/* The own journal is interrupted.  Fails if another interrupted one has to be recovered first. */
static int state_check_other_first(const char *signpost, const struct journal_file *journal,
				   struct bs_error *err)
{
	struct bs_error ignored;
	struct journal_file *other = state_open_other(signpost, &ignored);
	bool first = state_of(other) == TRANSACTION_INTERRUPTED &&
		     other->header.identity != journal->header.identity;

	journal_file_close(other);
	return first ? state_fail_elsewhere(signpost, err) : 0;
}

/* Proves that the image is wholly new or wholly old, as its own journal says. */
static int state_prove_left_over(const struct place *place, struct journal_file *journal,
				 struct bs_error *err)
{
	int result = -1;

	/* No earlier version knew an image in several files, and the journal has not their inodes. */
	if (place->target->parts.count > 0 || journal->header.inode != place->target->status.inode)
		fail(err, BS_VERIFY, "the undo file belongs to another file");
	else if (state_of(journal) == TRANSACTION_APPLIED)
		result = check_new(journal, place->target, BS_VERIFY, err);
	else
		result = check_old(journal, place->target, false, err);
	if (result < 0 && err->code == BS_VERIFY)
		return state_fail_marked(place, "does not belong to the interrupted change",
					 place->journal, err);
	return result;
}

enum state_verdict {
	BY_MARKS,    /* the signpost does not matter */
	OTHER_FIRST, /* the same, unless the other journal has to be recovered first */
	LEFT_OVER,   /* if the image proves it */
	REFUSED,     /* the image may be half written */
};

enum { NO_SIGNPOST, OWN_SIGNPOST, OTHER_SIGNPOST };

/* The table in state.h, without damaged and unreadable journals. */
/* clang-format off */
static const enum state_verdict state_verdicts[][TRANSACTION_DONE + 1] = {
	/*                  none      interrupted  applied    done */
	[NO_SIGNPOST] =    {BY_MARKS, BY_MARKS,    BY_MARKS,  BY_MARKS},
	[OWN_SIGNPOST] =   {REFUSED,  BY_MARKS,    LEFT_OVER, LEFT_OVER},
	[OTHER_SIGNPOST] = {REFUSED,  OTHER_FIRST, REFUSED,   REFUSED},
};
/* clang-format on */

/* `signpost` may be NULL. */
static int state_check_signpost(const struct place *place, const char *signpost,
				struct journal_file *journal, bool *left_over, struct bs_error *err)
{
	int kind = NO_SIGNPOST;

	if (signpost)
		kind = strcmp(signpost, place->journal) == 0 ? OWN_SIGNPOST : OTHER_SIGNPOST;
	switch (state_verdicts[kind][state_of(journal)]) {
	case BY_MARKS:
		break;
	case OTHER_FIRST:
		return state_check_other_first(signpost, journal, err);
	case LEFT_OVER:
		*left_over = true;
		return state_prove_left_over(place, journal, err);
	case REFUSED:
		return state_refuse(place, signpost, err);
	}
	return 0;
}

/* The copy of an image can be undone with a copy of the undo file; another disk cannot. */
static void state_fail_owner(const struct place *place, struct journal_file *journal,
			     const char *owner, struct bs_error *err)
{
	struct bs_error ignored;

	if (check_new(journal, place->target, BS_CHANGED_SINCE, &ignored) == 0)
		fail(err, BS_UNDO_FILE_OF_OTHER,
		     "the undo file is that of %.300s, which could then not be undone any more",
		     owner);
	else
		fail(err, BS_UNDO_FILE_UNRELATED,
		     "the undo file is that of %.300s, and the bytes of this image do not fit it",
		     owner);
}

/*
 * Whether the file beside the undo file, without the suffix in its name, is the image of the undo
 * file, and another image than this one.  The descriptor file of a disk in several files gets
 * another inode from any editor, so there the name decides.
 */
static bool state_is_owner(const struct place *place, const struct journal_file *journal,
			   const struct stat *other)
{
	const struct target_status *image = &place->target->status;

	if (!S_ISREG(other->st_mode))
		return false;
	return place->target->parts.count > 0
		       ? other->st_dev != image->device || other->st_ino != image->inode
		       : other->st_ino == journal->header.inode;
}

/*
 * An undo file that the user named may be that of another image, of which this one is a copy.  An
 * undo marks and removes the undo file, so the other image would lose it.
 */
static int state_check_owner(const struct place *place, struct journal_file *journal,
			     struct bs_error *err)
{
	size_t length = strlen(place->journal) - strlen(BS_UNDO_SUFFIX);
	struct stat other;
	char *image;
	bool owned;

	if (!journal || journal->header.inode == place->target->status.inode)
		return 0;
	image = strndup(place->journal, length);
	if (!image)
		return fail_memory(err);
	owned = lstat(image, &other) == 0 && state_is_owner(place, journal, &other);
	if (owned)
		state_fail_owner(place, journal, image, err);
	free(image);
	return owned ? -1 : 0;
}

int state_open(const struct place *place, struct journal_file **journal, bool *left_over,
	       struct bs_error *err)
{
	char *signpost;
	int result;

	*journal = NULL;
	*left_over = false;
	if (target_read_signpost(place->target, &signpost, err) < 0)
		return -1;
	result = journal_file_open(place->journal, journal, err);
	if (result == 0)
		result = state_check_owner(place, *journal, err);
	if (result == 0)
		result = state_check_signpost(place, signpost, *journal, left_over, err);
	else if (signpost && bs_code_exit(err->code) != BS_EXIT_RECOVERY) {
		fail_prefix(err, "the image is marked as half written");
		err->code = BS_RECOVERY_REQUIRED;
	}
	if (result < 0) {
		journal_file_close(*journal);
		*journal = NULL;
	}
	free(signpost);
	return result;
}

int transaction_state(const struct place *place, enum transaction_state *state,
		      struct bs_error *err)
{
	struct journal_file *journal;
	bool left_over;

	if (state_open(place, &journal, &left_over, err) < 0)
		return -1;
	*state = state_of(journal);
	journal_file_close(journal);
	return 0;
}

int transaction_check_none(const struct place *place, struct bs_error *err)
{
	enum transaction_state state;

	if (transaction_state(place, &state, err) < 0)
		return -1;
	if (state == TRANSACTION_APPLIED)
		return fail(err, BS_UNDO_FILE_EXISTS,
			    "there is the undo file of an earlier fix, %.300s", place->journal);
	if (state == TRANSACTION_INTERRUPTED)
		return fail(err, BS_RECOVERY_REQUIRED, "an earlier fix or undo was interrupted");
	return 0;
}
