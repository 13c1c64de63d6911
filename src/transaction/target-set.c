/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets in several files.  Each file is a target of its own, a part, and does what it does as an
 * image: it is written, synced, watched, and has a signpost.  This file finds the parts.
 *
 * A range may begin in one part and end in another.  A block of 4096 bytes, the unit of holes, may
 * not: the room of each part but the last one ends with such a block.  VMware makes flat parts of
 * 2047 MiB, QEMU of 2 GiB.
 */
#include <stdlib.h>
#include <unistd.h>

#include "disk/join.h"
#include "transaction/journal.h"
#include "transaction/target.h"
#include "util/clock.h"
#include "util/path.h"
#include "util/range.h"

/* ---- what the image is ---------------------------------------------------------------------- */

/* A number that most probably is another one if one of the numbers is. */
static void set_mix(uint64_t *mix, uint64_t number)
{
	*mix = *mix * 0x100000001b3u + number; /* the prime of FNV-1a */
}

static void set_mix_status(uint64_t *modified, uint64_t *changed,
			   const struct target_status *status)
{
	set_mix(modified, clock_nanoseconds(&status->modified));
	set_mix(changed, clock_nanoseconds(&status->changed));
}

static struct timespec set_time(uint64_t nanoseconds)
{
	return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000),
				 .tv_nsec = (long)(nanoseconds % 1000000000)};
}

/* The identity is that of the descriptor file, and the times are made of all files' times. */
static int set_look(const struct target *target, struct target_status *status, struct bs_error *err)
{
	uint64_t modified = 0, changed = 0;
	struct target_status part;

	if (target_file_look(target, status, err) < 0)
		return -1;
	set_mix_status(&modified, &changed, status);
	status->length = 0;
	for (size_t i = 0; i < target->parts.count; i++) {
		if (target_look(target->parts.items[i], &part, err) < 0)
			return -1;
		set_mix_status(&modified, &changed, &part);
		status->length += part.length;
		status->mode &= part.mode;
	}
	status->modified = set_time(modified);
	status->changed = set_time(changed);
	return 0;
}

/* Adds the name of the part to its error.  Returns -1. */
static int set_fail(const struct target *part, struct bs_error *err)
{
	return fail_prefix(err, "%s", path_name(part->name));
}

static int set_check_writable(const struct target *target, struct bs_error *err)
{
	for (size_t i = 0; i < target->parts.count; i++)
		if (target_check_writable(target->parts.items[i], err) < 0)
			return set_fail(target->parts.items[i], err);
	return 0;
}

/* target_close() closes the parts. */
const struct target_operations target_set_operations = {
	.close = target_file_close,
	.look = set_look,
	.check_writable = set_check_writable,
};

int target_add_part(struct target *target, struct target *part, uint64_t room, struct bs_error *err)
{
	if (!part)
		return -1;
	part->room = room;
	if (target_parts_append(&target->parts, part, err) == 0)
		return 0;
	target_close(part);
	return -1;
}

int target_join(struct target *target, struct bs_error *err)
{
	struct target_parts *parts = &target->parts;
	struct disk *joined;

	target->joined = calloc(parts->count, sizeof(*target->joined));
	if (!target->joined)
		return fail_memory(err);
	for (size_t i = 0; i < parts->count; i++) {
		const struct target *part = parts->items[i];

		if (i < parts->count - 1 && part->room % JOURNAL_BLOCK_SIZE != 0)
			return fail(err, BS_FORMAT_UNSUPPORTED,
				    "the disk is in several files, and %s does not end with a "
				    "block of %u bytes",
				    path_name(part->name), JOURNAL_BLOCK_SIZE);
		target->joined[i] = (struct join_part){part->disk, part->room};
	}
	joined = join_open(target->joined, parts->count, err);
	if (!joined)
		return -1;
	disk_close(target->disk);
	target->disk = joined;
	if (target_look(target, &target->status, err) < 0)
		return -1;
	target->modified = target->status.modified;
	return 0;
}

/* ---- the parts of a range ------------------------------------------------------------------- */

/* One part after the other.  Begins with zeros. */
struct set_walk {
	size_t number;                  /* of the part */
	uint64_t start;                 /* of the part in the image, bytes */
	struct range in_image, in_part; /* what the range has of the part; not empty */
};

/*
 * Goes to the next part that the range has bytes of.  What lies beyond the end of the image belongs
 * to the last part.  False: there is none.
 */
static bool set_next(const struct target *target, struct range range, struct set_walk *walk)
{
	bool found = false;

	while (!found && walk->number < target->parts.count) {
		uint64_t length = target->parts.items[walk->number]->room;

		if (walk->number == target->parts.count - 1)
			length = INT64_MAX - walk->start;
		walk->in_image = range_intersect((struct range){walk->start, length}, range);
		walk->in_part =
			(struct range){walk->in_image.offset - walk->start, walk->in_image.length};
		found = walk->in_image.length > 0;
		walk->start += length;
		walk->number++;
	}
	return found;
}

/* The part that set_next() has found. */
static struct target *set_part(const struct target *target, const struct set_walk *walk)
{
	return target->parts.items[walk->number - 1];
}

bool target_has_room(const struct target *target)
{
	for (size_t i = 0; i < target->parts.count; i++)
		if (target->parts.items[i]->room > target->parts.items[i]->status.length)
			return true;
	return false;
}

struct target_span set_file_at(const struct target *target, uint64_t offset)
{
	struct set_walk walk = {0};
	uint64_t start;

	/* There is such a part: what lies beyond the end of the image belongs to the last one. */
	(void)set_next(target, (struct range){offset, 1}, &walk);
	start = offset - walk.in_part.offset;
	return (struct target_span){start, start + set_part(target, &walk)->status.length,
				    walk.start};
}

/* ---- changing it ---------------------------------------------------------------------------- */

int set_write(const struct target *target, uint64_t offset, const void *bytes, size_t length,
	      struct bs_error *err)
{
	struct set_walk walk = {0};

	while (set_next(target, (struct range){offset, length}, &walk))
		if (target_write(set_part(target, &walk), walk.in_part.offset,
				 (const uint8_t *)bytes + (walk.in_image.offset - offset),
				 (size_t)walk.in_part.length, err) < 0)
			return set_fail(set_part(target, &walk), err);
	return 0;
}

/* If a part fills its room, its end is where the next one begins: so the last byte decides. */
int set_cut(const struct target *target, uint64_t end, struct bs_error *err)
{
	struct set_walk walk = {0};

	(void)set_next(target, (struct range){end - 1, 1}, &walk);
	return target_set_end(set_part(target, &walk), walk.in_part.offset + 1, err) < 0
		       ? set_fail(set_part(target, &walk), err)
		       : 0;
}

/* Also the parts that were not written: an earlier process may have left something in the cache. */
int set_sync(const struct target *target, struct bs_error *err)
{
	for (size_t i = 0; i < target->parts.count; i++)
		if (target_sync(target->parts.items[i], err) < 0)
			return set_fail(target->parts.items[i], err);
	return 0;
}

/* A hole is punched in all parts or in none: they lie in one folder. */
int set_allocate(const struct target *target, bool punch, struct range range, bool *done,
		 struct bs_error *err)
{
	struct set_walk walk = {0};

	*done = true;
	while (*done && set_next(target, range, &walk)) {
		struct target *part = set_part(target, &walk);
		const struct range *in_part = &walk.in_part;

		if ((punch ? target_punch(part, in_part->offset, in_part->length, done, err)
			   : target_reserve(part, in_part->offset, in_part->length, err)) < 0)
			return set_fail(part, err);
	}
	return 0;
}

/* The room behind the end of a part is a hole. */
int set_seek(const struct target *target, uint64_t position, int whence, uint64_t *found,
	     struct bs_error *err)
{
	struct range rest = range_from_to(position, disk_size(target->disk));
	struct set_walk walk = {0};

	while (set_next(target, rest, &walk)) {
		const struct target *part = set_part(target, &walk);
		uint64_t start = walk.in_image.offset - walk.in_part.offset;
		uint64_t length = part->status.length;

		*found = walk.in_part.offset;
		if (*found < length &&
		    target_seek(part, walk.in_part.offset, whence, found, err) < 0)
			return set_fail(part, err);
		if (*found < length || (whence == SEEK_HOLE && part->room > length)) {
			*found += start;
			return 0;
		}
	}
	*found = disk_size(target->disk);
	return 0;
}

/* ---- the signpost --------------------------------------------------------------------------- */

/*
 * All parts have the signpost while one of them may be half written.  The signpost of the image is
 * that of the first part that has one.  It is set and removed from the last part to the first, so
 * that after an interruption an older signpost still counts, until all parts have the new one or
 * none.
 */
int set_put_signpost(const struct target *target, const char *journal, struct bs_error *err)
{
	for (size_t i = target->parts.count; i > 0; i--)
		if (target_set_signpost(target->parts.items[i - 1], journal, err) < 0)
			return set_fail(target->parts.items[i - 1], err);
	return 0;
}

int set_take_signpost(const struct target *target, struct bs_error *err)
{
	for (size_t i = target->parts.count; i > 0; i--)
		if (target_remove_signpost(target->parts.items[i - 1], err) < 0)
			return set_fail(target->parts.items[i - 1], err);
	return 0;
}

int set_read_signpost(const struct target *target, char **journal, struct bs_error *err)
{
	*journal = NULL;
	for (size_t i = 0; i < target->parts.count && !*journal; i++)
		if (target_read_signpost(target->parts.items[i], journal, err) < 0)
			return set_fail(target->parts.items[i], err);
	return 0;
}
