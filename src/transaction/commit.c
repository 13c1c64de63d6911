/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commit: first the journal, then the image, then the mark.  commit-steps.h lists the steps.
 *
 * An error after the publishing is taken back at once, as far as the commit had come.  For that the
 * image is opened again, because a descriptor whose sync failed is not used any more.  The journal
 * stays open from its publishing on: it may lose its name.
 */
#include "transaction/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "disk/file.h"
#include "transaction/commit-steps.h"
#include "transaction/ends.h"
#include "transaction/hint.h"
#include "transaction/publish.h"
#include "util/clock.h"
#include "util/memory.h"

struct commit {
	struct transaction transaction;
	const struct commit_request *request;
	struct range_vector growths; /* see ends.h */
	struct range_list list;
	struct journal_header header;
};

/* ---- check ---------------------------------------------------------------------------------- */

static int commit_check_same(const struct target_status *then, const struct target_status *now,
			     struct bs_error *err)
{
	if (then->device != now->device || then->inode != now->inode)
		return fail(err, BS_CHANGED_MEANWHILE, "the image was replaced by another one");
	return 0;
}

/*
 * Checks that the image is still what it was when it was opened for staging.  A device and an
 * export have no times: only the lock protects them from changes.
 */
static int commit_check_unchanged(const struct commit *commit, struct bs_error *err)
{
	const struct target_status *then = &commit->transaction.place->target->status;
	struct target_status now;

	if (target_look(commit->transaction.image, &now, err) < 0 ||
	    commit_check_same(then, &now, err) < 0)
		return -1;
	if (then->length != now.length ||
	    clock_nanoseconds(&then->modified) != clock_nanoseconds(&now.modified) ||
	    clock_nanoseconds(&then->changed) != clock_nanoseconds(&now.changed))
		return fail(err, BS_CHANGED_MEANWHILE, "the image was changed by something else");
	return 0;
}

/* Lists what files get at their ends.  The caller frees *growths, also on error. */
static int commit_list_growths(const struct commit_request *request, struct range_vector *growths,
			       struct bs_error *err)
{
	const struct target *target = request->place->target;
	uint64_t size = disk_size(target->disk);
	uint64_t new_size = disk_size(overlay_disk(request->overlay));

	*growths = (struct range_vector){0};
	if (new_size < size)
		return fail(err, BS_FORMAT_UNSUPPORTED, "the fix would make the image shorter");
	if (new_size > size && target_has_fixed_length(target))
		return fail(
			err, BS_FORMAT_UNSUPPORTED,
			"the fix would make the image longer, but the image has a fixed length");
	if (new_size > size)
		return range_vector_append(growths, range_from_to(size, new_size), err);
	for (size_t i = 0; request->growths && i < request->growths->count; i++)
		if (range_vector_append(growths, request->growths->items[i], err) < 0)
			return -1;
	return 0;
}

static void commit_close_image(struct transaction *transaction)
{
	target_close(transaction->image); /* synced, or its sync failed, or never written */
	transaction->image = NULL;
}

/* ---- publish -------------------------------------------------------------------------------- */

static void commit_fill_header(struct commit *commit)
{
	const struct place *place = commit->transaction.place;
	const struct target_status *status = &place->target->status;
	struct journal_header *header = &commit->header;

	header->old_length = header->new_length = status->length;
	for (size_t i = 0; i < commit->growths.count; i++)
		header->new_length += commit->growths.items[i].length;
	header->room = disk_size(overlay_disk(commit->request->overlay));
	header->device = status->device;
	header->inode = status->inode;
	header->created = time(NULL);
	snprintf(header->tool_version, sizeof(header->tool_version), "%s", BOOTSHIFT_VERSION);
	snprintf(header->image_name, sizeof(header->image_name), "%s", place_image_name(place));
	if (commit->request->maker)
		memcpy(header->maker, commit->request->maker, sizeof(header->maker));
}

/* Opens the journal that was just written, and proves it.  From here on nothing depends on its name. */
static int commit_open_journal(struct commit *commit, struct bs_error *err)
{
	const struct place *place = commit->transaction.place;
	struct journal_file **journal = &commit->transaction.journal;

	if (journal_file_open(place->temporary, journal, err) < 0)
		return -1;
	if (!*journal)
		return fail(err, BS_UNDO_FILE_LOST, "the undo file disappeared");
	if ((*journal)->header.identity != commit->header.identity)
		return fail(err, BS_UNDO_FILE_LOST, "another file took the place of the undo file");
	if (journal_file_validate(*journal, err) < 0)
		return -1;
	return journal_file_open_marks(*journal, place->temporary, place->target->io, err);
}

static int commit_check_name(const struct transaction *transaction, struct bs_error *err)
{
	if (file_has_name(transaction->journal->descriptor, transaction->place->journal))
		return 0;
	if (errno != 0)
		return fail_errno(err, BS_IO, "cannot look at the undo file");
	return fail(err, BS_UNDO_FILE_LOST,
		    "the undo file was removed, moved or replaced during the fix");
}

/* *published: the journal has its name, also on error. */
static int commit_publish(struct commit *commit, bool *published, struct bs_error *err)
{
	const struct commit_request *request = commit->request;
	struct transaction *transaction = &commit->transaction;
	const struct place *place = transaction->place;

	*published = false;
	if (target_check_descriptors(place->target, err) < 0 ||
	    commit_list_growths(request, &commit->growths, err) < 0)
		return -1;
	commit_fill_header(commit);
	if (publish_collect(request->overlay, place->target, &commit->growths, request->zones,
			    request->zone_count, &commit->list, err) < 0 ||
	    publish_write(place, &commit->list, overlay_disk(request->overlay), &commit->header,
			  err) < 0)
		return -1;
	/* The bytes before were read just now: they count only if nothing was written since. */
	if (commit_open_journal(commit, err) < 0 || commit_check_unchanged(commit, err) < 0) {
		if (err->code == BS_JOURNAL_DAMAGED) /* the image is whole */
			err->code = BS_VERIFY;
		(void)place->target->io->unlink(place->temporary); /* or the next start does */
		return -1;
	}
	if (publish_rename(place, published, err) < 0)
		return -1;
	transaction->named = true;
	commit_enter(transaction, COMMIT_PUBLISHED);
	return commit_check_name(transaction, err);
}

/* ---- apply ---------------------------------------------------------------------------------- */

/*
 * Reserves the space that the ranges will fill, so that a full file system is noticed before the
 * first byte is written.  This comes after the publishing because it is a change: recovery and
 * taking back release the space, by punching the holes and cutting the file.  A file system that
 * cannot reserve, or that copies on write, may still be full later; that is taken back as well.
 */
static int commit_reserve_all(struct commit *commit, struct bs_error *err)
{
	const struct journal_range *ranges = commit->list.ranges.items;
	size_t count = commit->list.image_count, next;

	for (size_t i = 0; i < count; i = next) {
		uint64_t end = ranges[i].offset + ranges[i].length;

		next = i + 1;
		if (ranges[i].kind == JOURNAL_DATA)
			continue;
		for (; next < count && ranges[next].kind != JOURNAL_DATA &&
		       ranges[next].offset == end;
		     next++)
			end += ranges[next].length;
		if (target_reserve(commit->transaction.image, ranges[i].offset,
				   end - ranges[i].offset, err) < 0)
			return -1;
	}
	return 0;
}

static int commit_reserve(struct commit *commit, struct bs_error *err)
{
	int result;

	target_begin_changes(commit->transaction.image);
	result = commit_reserve_all(commit, err);
	target_end_changes(commit->transaction.image);
	return result;
}

/* Writes the ranges from `end` - 1 down to `start`, whose bytes follow each other in `bytes`. */
static int commit_write_ranges(struct commit *commit, size_t start, size_t end,
			       const uint8_t *bytes, struct bs_error *err)
{
	struct target *image = commit->transaction.image;
	int result = 0;

	target_begin_changes(image);
	while (end-- > start && result == 0) {
		const struct journal_range *range = &commit->list.ranges.items[end];

		result = target_write(image, range->offset, bytes, (size_t)range->length, err);
		bytes += range->length;
	}
	target_end_changes(image);
	return result;
}

static uint64_t commit_bytes(const struct commit *commit)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < commit->list.image_count; i++)
		bytes += commit->list.ranges.items[i].length;
	return bytes;
}

/*
 * Writes from the end to the front: sector 0, which makes the disk start from its new place, comes
 * last.  So an image whose writing was interrupted does not look fixed to a user who cannot see the
 * journal.
 */
static int commit_write(struct commit *commit, struct bs_error *err)
{
	const struct commit_request *request = commit->request;
	const uint64_t total = commit_bytes(commit);
	uint64_t done = 0;
	struct disk *staged = overlay_disk(request->overlay);
	const struct journal_range *ranges = commit->list.ranges.items;
	uint8_t *buffer = memory_large(JOURNAL_RANGE_MAX);
	int result = -1;

	if (!buffer)
		return fail_memory(err);
	for (size_t end = commit->list.image_count, start; end > 0; end = start) {
		size_t used = 0;

		/* Ends below `end`, because the buffer has room for each range. */
		for (start = end; start > 0 && ranges[start - 1].length <= JOURNAL_RANGE_MAX - used;
		     used += ranges[--start].length)
			if (disk_read(staged, ranges[start - 1].offset, buffer + used,
				      (size_t)ranges[start - 1].length, err) < 0)
				goto out;
		if (commit_write_ranges(commit, start, end, buffer, err) < 0)
			goto out;
		done += used;
		if (request->tell)
			request->tell(request->context, done, total);
	}
	result = target_sync(commit->transaction.image, err);
out:
	free(buffer);
	return result;
}

/*
 * Compares the image, as it is read from its storage, with the view that was verified: where its
 * files end, and each block that was ever written in the view.  ARCHITECTURE.md says what this
 * proves.
 */
static int commit_read_back(const struct commit *commit, struct bs_error *err)
{
	struct target *image = target_reopen(commit->transaction.place->target, TARGET_REREAD, err);
	int result = -1;

	if (image &&
	    ends_check(image, &commit->header, &commit->growths, ENDS_NEW, BS_VERIFY, err) == 0)
		result = overlay_check_written(commit->request->overlay, image->disk, err);
	target_close(image);
	return result;
}

static int commit_apply(struct commit *commit, struct bs_error *err)
{
	struct transaction *transaction = &commit->transaction;

	/* The bytes before, which are in the journal, must still be those of the image. */
	if (commit_check_unchanged(commit, err) < 0)
		return -1;
	commit_enter(transaction, COMMIT_RESERVING);
	if (target_set_signpost(transaction->image, transaction->place->journal, err) < 0 ||
	    commit_reserve(commit, err) < 0)
		return -1;
	/* By one call, before the bytes: so the end of a file is always the old one or the new one. */
	if (ends_set(transaction->image, &commit->growths, ENDS_NEW, err) < 0)
		return -1;
	commit_enter(transaction, COMMIT_WRITING);
	if (commit_write(commit, err) < 0 || commit_read_back(commit, err) < 0)
		return -1;
	transaction->read_back = true;
	return 0;
}

/*
 * APPLIED is marked with the time of the last write, from which an undo tells whether anything was
 * written later; without that time if another process wrote during the commit.
 */
static int commit_mark(struct transaction *transaction, struct bs_error *err)
{
	struct target *image = transaction->image;
	uint64_t modified;

	commit_enter(transaction, COMMIT_WRITTEN);
	hint_set(image, transaction->place->journal); /* durable together with the next change */
	if (target_remove_signpost(image, err) < 0)
		return -1;
	commit_enter(transaction, COMMIT_MARKING);
	modified = target_is_disturbed(image) ? 0 : clock_nanoseconds(&image->modified);
	if (journal_file_mark(transaction->journal, JOURNAL_APPLIED, modified, err) < 0)
		return -1;
	commit_enter(transaction, COMMIT_APPLIED);
	return commit_check_name(transaction, err);
}

/* ---- take back ------------------------------------------------------------------------------ */

/*
 * Unlike a recovery this does not refuse an image with sectors that are neither as before nor as
 * after.  If another process wrote meanwhile, they count as its sectors and are kept.  Otherwise
 * they are why the storage failed the reading back, and are restored like the others.
 */
static int commit_restore(struct transaction *transaction, struct bs_error *err)
{
	const struct target *staged = transaction->place->target;

	transaction->disturbed = target_is_disturbed(transaction->image);
	commit_close_image(transaction);
	/* A journal that says APPLIED must not lie beside an image that is half restored. */
	if (transaction->journal->applied &&
	    journal_file_mark(transaction->journal, JOURNAL_UNDOING, 0, err) < 0)
		return -1;
	if (journal_file_validate(transaction->journal, err) < 0)
		return -1;
	transaction->image = target_reopen(staged, TARGET_WRITE, err);
	if (!transaction->image ||
	    commit_check_same(&staged->status, &transaction->image->status, err) < 0)
		return -1;
	return restore_image(transaction, err);
}

/* Leaves in *err why the commit failed.  Returns -1. */
static int commit_take_back(struct transaction *transaction, struct bs_error *err)
{
	struct bs_error cause = *err;

	if ((transaction->step >= COMMIT_RESERVING && commit_restore(transaction, err) < 0) ||
	    restore_discard_journal(transaction, err) < 0) {
		struct bs_error why = *err;

		return fail(err, BS_RECOVERY_REQUIRED, "%.200s; it could not be taken back: %.200s",
			    cause.message, why.message);
	}
	if (transaction->disturbed)
		return fail(err, BS_CHANGED_MEANWHILE,
			    "another program wrote to the image at the same time, and the fix was "
			    "taken back: %.200s; the changes of the other program were kept",
			    cause.message);
	*err = cause;
	return -1;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void commit_report(struct commit *commit, struct commit_result *result)
{
	*result = (struct commit_result){
		.extents = commit->list.image_count,
		.bytes = commit_bytes(commit),
		.created = commit->header.created,
	};
}

int transaction_commit(const struct commit_request *request, struct commit_result *result,
		       struct bs_error *err)
{
	struct commit commit = {.request = request, .transaction.place = request->place};
	struct transaction *transaction = &commit.transaction;
	bool published;
	int status = -1;

	/* The image is opened for writing first: what cannot be written should fail at once. */
	if (transaction_check_none(request->place, err) < 0)
		goto out;
	transaction->image = target_reopen(request->place->target, TARGET_WRITE, err);
	if (!transaction->image || commit_check_unchanged(&commit, err) < 0)
		goto out;
	if (commit_publish(&commit, &published, err) < 0) {
		if (published)
			status = commit_take_back(transaction, err);
		goto out;
	}
	if (commit_apply(&commit, err) < 0 || commit_mark(transaction, err) < 0) {
		status = commit_take_back(transaction, err);
		goto out;
	}
	commit_report(&commit, result);
	status = 0;
out:
	commit_close_image(transaction);
	journal_file_close(transaction->journal);
	journal_ranges_free(&commit.list.ranges);
	range_vector_free(&commit.growths);
	return status;
}

/* ---- a rehearsal ---------------------------------------------------------------------------- */

int transaction_check_commit(const struct commit_request *request, struct bs_error *err)
{
	struct range_vector growths;
	struct range_list list = {0};
	int result = -1;

	if (commit_list_growths(request, &growths, err) == 0 &&
	    publish_collect(request->overlay, request->place->target, &growths, request->zones,
			    request->zone_count, &list, err) == 0)
		result = place_check_room(request->place, publish_size(&list),
					  publish_growth(&list), err);
	journal_ranges_free(&list.ranges);
	range_vector_free(&growths);
	return result;
}
