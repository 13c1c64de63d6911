/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commit: journal first, then the image, then the mark.
 *
 *	check     the image is still what was staged; nothing written
 *	publish   journal written, synced, renamed, folder synced; image not touched
 *	apply     signpost set, space reserved, length set, ranges written, synced, read back
 *	mark      signpost removed, synced; APPLIED, synced; only now is it a success
 *
 * An error after the publishing is rolled back at once, as far as the commit had come.  The image
 * is opened afresh for that, because a descriptor whose sync failed is not used again.  The journal
 * stays open from its publishing on: it may lose its name.
 */
#include "transaction/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transaction/check.h"
#include "transaction/publish.h"
#include "transaction/restore.h"
#include "util/bytes.h"
#include "util/clock.h"

/* How far a commit has come; each step is entered before its first system call. */
enum progress {
	PUBLISHED, /* the journal has its name, the image is as it was */
	RESERVING, /* the image's signpost, space and length change, not its bytes */
	WRITING,   /* its bytes change */
	MARKING,   /* the signpost may be gone, and the journal may say APPLIED already */
};

struct commit {
	const struct commit_request *request;
	const struct transaction_io *io;
	const struct place *place;
	struct range_list list;
	struct journal_header header;
	struct target *image;         /* open for writing; NULL when closed */
	struct journal_file *journal; /* open for marks, once published */
	bool disturbed;               /* somebody else wrote to the image meanwhile */
	enum progress progress;
};

/* ---- check ---------------------------------------------------------------------------------- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int check_same(const struct target_status *then, const struct target_status *now,
		      struct bs_error *err)
{
	if (then->device != now->device || then->inode != now->inode)
		return fail(err, BS_CHANGED_MEANWHILE, "the image was replaced by another one");
	return 0;
}

/* A device and an export have no times: there only the lock stands against changes. */
static int check_unchanged(const struct target_status *then, const struct target_status *now,
			   struct bs_error *err)
{
	if (check_same(then, now, err) < 0)
		return -1;
	if (then->length != now->length || !same_time(&then->modified, &now->modified) ||
	    !same_time(&then->changed, &now->changed))
		return fail(err, BS_CHANGED_MEANWHILE, "the image was changed by something else");
	return 0;
}

/* Opens the image for writing, early: what may not be written should fail before anything else. */
static int open_checked(struct commit *commit, struct bs_error *err)
{
	const struct target *staged = commit->place->target;

	commit->image = target_reopen(staged, TARGET_WRITE, commit->io, err);
	if (!commit->image)
		return -1;
	return check_unchanged(&staged->status, &commit->image->status, err);
}

/* ---- publish -------------------------------------------------------------------------------- */

static int fill_header(struct commit *commit, struct bs_error *err)
{
	const struct target_status *status = &commit->place->target->status;
	struct journal_header *header = &commit->header;

	header->old_length = status->length;
	header->new_length = disk_size(overlay_disk(commit->request->overlay));
	header->device = status->device;
	header->inode = status->inode;
	header->created = time(NULL);
	snprintf(header->tool_version, sizeof(header->tool_version), "%s", BOOTSHIFT_VERSION);
	snprintf(header->image_name, sizeof(header->image_name), "%s",
		 place_image_name(commit->place));
	if (commit->request->maker)
		memcpy(header->maker, commit->request->maker, sizeof(header->maker));
	if (header->new_length < header->old_length)
		return fail(err, BS_FORMAT_UNSUPPORTED, "the fix would make the image shorter");
	if (header->new_length > header->old_length && target_has_fixed_length(commit->image))
		return fail(err, BS_FORMAT_UNSUPPORTED,
			    "the fix would make the image longer, and it has a fixed length");
	return 0;
}

/* Opens the journal that was just written.  From here on nothing depends on its name. */
static int hold_journal(struct commit *commit, struct bs_error *err)
{
	const char *path = commit->place->temporary;

	if (journal_file_open(path, &commit->journal, err) < 0)
		return -1;
	if (!commit->journal)
		return fail(err, BS_UNDO_FILE_LOST, "the undo file disappeared");
	if (commit->journal->header.identity != commit->header.identity)
		return fail(err, BS_UNDO_FILE_LOST, "another file took the place of the undo file");
	return journal_file_open_marks(commit->journal, path, commit->io, err);
}

static int check_name(const struct commit *commit, struct bs_error *err)
{
	if (journal_file_has_name(commit->journal, commit->place->journal))
		return 0;
	return fail(err, BS_UNDO_FILE_LOST,
		    "the undo file was removed, moved or replaced during the fix");
}

static int publish(struct commit *commit, bool *published, struct bs_error *err)
{
	const struct commit_request *request = commit->request;
	const struct target *staged = commit->place->target;
	struct target_status now;

	*published = false;
	if (fill_header(commit, err) < 0 ||
	    ranges_collect(request->overlay, staged, request->zones, request->zone_count,
			   &commit->list, err) < 0 ||
	    publish_write(commit->place, &commit->list, overlay_disk(request->overlay), commit->io,
			  &commit->header, err) < 0)
		return -1;
	/* The bytes before were read just now: they count only if nothing was written since. */
	if (hold_journal(commit, err) < 0 || target_look(commit->image, &now, err) < 0 ||
	    check_unchanged(&staged->status, &now, err) < 0) {
		(void)commit->io->unlink(commit->place->temporary); /* or the next start does */
		return -1;
	}
	if (publish_rename(commit->place, commit->io, published, err) < 0)
		return -1;
	return check_name(commit, err);
}

/* ---- apply ---------------------------------------------------------------------------------- */

/*
 * Takes the space that the ranges will fill, so that a full file system shows itself before the
 * first byte is written.  It is taken only after the publishing, because it is a change: recovery
 * and roll-back give it back, by punching the holes and cutting the file.  A file system that
 * cannot reserve, or that copies on write, may still be full later; that is rolled back as well.
 */
static int reserve(struct commit *commit, struct bs_error *err)
{
	for (size_t i = 0; i < commit->list.image_count; i++) {
		const struct journal_range *range = &commit->list.ranges[i];

		if (range->kind != JOURNAL_DATA &&
		    target_reserve(commit->image, range->offset, range->length, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * From the end to the front: sector 0, which makes the disk start from its new place, comes last.
 * So an image whose writing was interrupted does not look fixed to anybody who cannot see the
 * journal.
 */
static int write_ranges(struct commit *commit, struct bs_error *err)
{
	struct disk *staged = overlay_disk(commit->request->overlay);
	uint8_t *buffer = malloc(JOURNAL_RANGE_MAX);
	int result = -1;

	if (!buffer)
		return fail_memory(err);
	for (size_t i = commit->list.image_count; i-- > 0;) {
		const struct journal_range *range = &commit->list.ranges[i];

		if (disk_read(staged, range->offset, buffer, (size_t)range->length, err) < 0 ||
		    target_write(commit->image, range->offset, buffer, (size_t)range->length, err) <
			    0)
			goto out;
	}
	result = 0;
out:
	free(buffer);
	return result;
}

static int apply(struct commit *commit, struct bs_error *err)
{
	const struct journal_header *header = &commit->header;
	struct target_status now;

	/* The bytes before, which are in the journal, must still be those of the image. */
	if (target_look(commit->image, &now, err) < 0 ||
	    check_unchanged(&commit->place->target->status, &now, err) < 0)
		return -1;
	commit->progress = RESERVING;
	if (target_set_signpost(commit->image, commit->place->journal, err) < 0 ||
	    reserve(commit, err) < 0)
		return -1;
	/*
	 * The length in one step, before the bytes: so it is the old or the new one, nothing else.
	 */
	if (header->new_length > header->old_length &&
	    target_set_length(commit->image, header->new_length, err) < 0)
		return -1;
	commit->progress = WRITING;
	if (write_ranges(commit, err) < 0 || target_sync(commit->image, err) < 0)
		return -1;
	return check_new(commit->journal, commit->place->target, BS_VERIFY, err);
}

/*
 * With the time of the last write, by which an undo tells whether it was the last one; without it
 * when somebody else wrote during the commit.
 */
static int mark_applied(struct commit *commit, struct bs_error *err)
{
	uint64_t modified;

	commit->progress = MARKING;
	if (target_remove_signpost(commit->image, err) < 0)
		return -1;
	modified = target_is_disturbed(commit->image) ? 0
						      : clock_nanoseconds(&commit->image->modified);
	if (journal_file_mark(commit->journal, JOURNAL_APPLIED, modified, commit->io, err) < 0)
		return -1;
	return check_name(commit, err);
}

/* ---- roll back ------------------------------------------------------------------------------ */

static void close_image(struct commit *commit)
{
	target_close(commit->image); /* synced, or its sync failed, or never written */
	commit->image = NULL;
}

static enum restore_scope scope_of(const struct commit *commit)
{
	if (commit->disturbed)
		return RESTORE_OURS;
	return commit->progress >= WRITING ? RESTORE_ALL : RESTORE_SPACE;
}

static int restore(struct commit *commit, struct bs_error *err)
{
	const struct target *staged = commit->place->target;

	commit->image = target_reopen(staged, TARGET_WRITE, commit->io, err);
	if (!commit->image || check_same(&staged->status, &commit->image->status, err) < 0)
		return -1;
	return restore_image(commit->place, commit->image, commit->journal, scope_of(commit), err);
}

/*
 * Unlike a recovery this does not refuse an image with sectors that are neither as before nor as
 * after.  If somebody else wrote meanwhile they are taken for that and kept; otherwise they are
 * why its storage failed the reading back, and are restored like the others.
 */
static int take_back(struct commit *commit, struct bs_error *err)
{
	if (commit->image && commit->progress >= RESERVING)
		commit->disturbed = target_is_disturbed(commit->image);
	close_image(commit);
	/* A journal that says APPLIED must not lie beside an image that is half restored. */
	if (commit->progress >= MARKING &&
	    journal_file_mark(commit->journal, JOURNAL_UNDOING, 0, commit->io, err) < 0)
		return -1;
	if (commit->progress >= RESERVING &&
	    (journal_file_validate(commit->journal, err) < 0 || restore(commit, err) < 0))
		return -1;
	return restore_discard_journal(commit->place, commit->journal, commit->io, err);
}

/* Leaves in *err why the commit failed; returns -1. */
static int roll_back(struct commit *commit, struct bs_error *err)
{
	struct bs_error cause = *err;

	if (take_back(commit, err) < 0) {
		struct bs_error why = *err;

		return fail(err, BS_RECOVERY_REQUIRED, "%.200s; it could not be taken back: %.200s",
			    cause.message, why.message);
	}
	if (commit->disturbed)
		return fail(err, BS_CHANGED_MEANWHILE,
			    "something else wrote to the image at the same time, and the fix was "
			    "taken back: %.200s; what the other wrote was not touched",
			    cause.message);
	*err = cause;
	return -1;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void report(struct commit *commit, struct commit_result *result)
{
	result->journal = commit->journal;
	commit->journal = NULL;
	result->extents = commit->list.image_count;
	result->bytes = 0;
	for (size_t i = 0; i < commit->list.image_count; i++)
		result->bytes += commit->list.ranges[i].length;
}

int transaction_commit(const struct commit_request *request, const struct transaction_io *io,
		       struct commit_result *result, struct bs_error *err)
{
	struct commit commit = {
		.request = request, .io = io ? io : &transaction_real_io, .place = request->place};
	bool published;
	int status = -1;

	if (transaction_check_none(commit.place, err) < 0 || open_checked(&commit, err) < 0)
		goto out;
	if (publish(&commit, &published, err) < 0) {
		if (published)
			status = roll_back(&commit, err);
		goto out;
	}
	if (apply(&commit, err) < 0 || mark_applied(&commit, err) < 0) {
		status = roll_back(&commit, err);
		goto out;
	}
	report(&commit, result);
	status = 0;
out:
	close_image(&commit);
	journal_file_close(commit.journal);
	ranges_free(&commit.list);
	return status;
}
