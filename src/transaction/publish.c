/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collects the ranges of a commit, and writes and publishes its journal; see publish.h. */
#include "transaction/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/memory.h"
#include "util/trust.h"

#define WHAT "the undo file"

/* A range that falls into a hole grows by less than a block at either end. */
#define EXTENT_MAX (JOURNAL_RANGE_MAX - 2 * JOURNAL_BLOCK_SIZE)

/* ---- the ranges ------------------------------------------------------------------------------ */

static uint64_t publish_floor(uint64_t offset)
{
	return offset / JOURNAL_BLOCK_SIZE * JOURNAL_BLOCK_SIZE;
}

static int publish_add(struct range_list *list, enum journal_kind kind, uint64_t start,
		       uint64_t end, struct bs_error *err)
{
	return journal_ranges_append(&list->ranges,
				     (struct journal_range){kind, start, end - start}, err);
}

/* A part of the image that is a hole, or has no hole. */
struct stretch {
	uint64_t start, end; /* multiples of the block size; the end may be that of a file */
	bool is_hole;
};

/*
 * Sets *stretch to the part of the image from `block`, where a block begins, to where its kind
 * changes or its file ends, unless *stretch has the block already.
 */
static int publish_find_stretch(const struct target *image, uint64_t block, uint64_t file_end,
				struct stretch *stretch, struct bs_error *err)
{
	uint64_t data, hole;

	if (block >= stretch->start && block < stretch->end)
		return 0;
	stretch->start = block;
	if (target_seek(image, block, SEEK_DATA, &data, err) < 0)
		return -1;
	data = min_u64(data, file_end);
	stretch->end = data == file_end ? file_end : publish_floor(data);
	stretch->is_hole = stretch->end > block;
	if (stretch->is_hole)
		return 0;
	if (target_seek(image, data, SEEK_HOLE, &hole, err) < 0)
		return -1;
	stretch->end = min_u64(journal_block_end(hole), file_end);
	return 0;
}

/* What publish_collect() has been given, and the last stretch that was found. */
struct collection {
	const struct target *image;
	const struct range_vector *growths;
	struct range_list *list;
	struct stretch stretch;
};

/* Adds a part of a file from `start` on, which may end behind `end`; *part_end: where it ends. */
static int publish_add_in_file(struct collection *collection, uint64_t start, uint64_t end,
			       uint64_t file_end, uint64_t *part_end, struct bs_error *err)
{
	struct stretch *stretch = &collection->stretch;
	uint64_t block = publish_floor(start);
	bool is_hole;

	if (publish_find_stretch(collection->image, block, file_end, stretch, err) < 0)
		return -1;
	is_hole = stretch->is_hole;
	*part_end = min_u64(stretch->end, is_hole ? journal_block_end(end) : end);
	return publish_add(collection->list, is_hole ? JOURNAL_HOLE : JOURNAL_DATA,
			   is_hole ? block : start, *part_end, err);
}

/* Of an image in several files, the growths are added as a whole (publish_add_growths()). */
static int publish_add_behind(struct collection *collection, uint64_t start, uint64_t end,
			      struct bs_error *err)
{
	if (!target_has_room(collection->image))
		return publish_add(collection->list, JOURNAL_BEYOND, start, end, err);
	return range_vector_contains(collection->growths, range_from_to(start, end))
		       ? 0
		       : fail(err, BS_FORMAT_UNSUPPORTED,
			      "the fix has written behind the end of a file");
}

/* Adds the changed extent [start, end). */
static int publish_add_extent(struct collection *collection, uint64_t start, uint64_t end,
			      struct bs_error *err)
{
	int result = 0;

	while (start < end && result == 0) { /* each turn adds a range that ends beyond start */
		struct target_span file = target_file_at(collection->image, start);
		uint64_t part_end = min_u64(end, file.room_end);

		result = start < file.end ? publish_add_in_file(collection, start, end, file.end,
								&part_end, err)
					  : publish_add_behind(collection, start, part_end, err);
		start = part_end;
	}
	return result;
}

static int publish_add_extents(struct collection *collection, struct overlay *overlay,
			       struct bs_error *err)
{
	const struct journal_ranges *ranges = &collection->list->ranges;
	struct range_vector extents;
	uint64_t done = 0; /* the end of the last range, which may cover the next extent */
	int result = overlay_extents(overlay, EXTENT_MAX, &extents, err);

	for (size_t i = 0; i < extents.count && result == 0; i++) {
		uint64_t start = extents.items[i].offset, end = range_end(extents.items[i]);

		result = publish_add_extent(collection, max_u64(start, done), end, err);
		if (ranges->count > 0)
			done = ranges->items[ranges->count - 1].offset +
			       ranges->items[ranges->count - 1].length;
	}
	range_vector_free(&extents);
	return result;
}

static int publish_compare(const void *a, const void *b)
{
	const struct journal_range *first = a, *second = b;

	return (first->offset > second->offset) - (first->offset < second->offset);
}

/*
 * Of an image in several files, all of each growth becomes ranges, also zeros: from these ranges an
 * undo learns where the files ended.
 */
static int publish_add_growths(struct collection *collection, struct bs_error *err)
{
	struct journal_ranges *ranges = &collection->list->ranges;

	if (!target_has_room(collection->image))
		return 0;
	for (size_t i = 0; i < collection->growths->count; i++) {
		uint64_t start = collection->growths->items[i].offset;
		uint64_t end = range_end(collection->growths->items[i]);

		for (; start < end; start += JOURNAL_RANGE_MAX)
			if (publish_add(collection->list, JOURNAL_BEYOND, start,
					min_u64(start + JOURNAL_RANGE_MAX, end), err) < 0)
				return -1;
	}
	if (ranges->count > 0)
		qsort(ranges->items, ranges->count, sizeof(ranges->items[0]), publish_compare);
	return 0;
}

static int publish_add_zone(struct range_list *list, uint64_t size, const struct range *zone,
			    struct bs_error *err)
{
	uint64_t end = zone->offset + zone->length;

	if (!range_within(zone->offset, zone->length, size))
		return fail(err, BS_OUT_OF_RANGE, "a guard zone lies past the image's end");
	for (uint64_t start = zone->offset; start < end; start += JOURNAL_RANGE_MAX)
		if (publish_add(list, JOURNAL_GUARD, start, min_u64(start + JOURNAL_RANGE_MAX, end),
				err) < 0)
			return -1;
	return 0;
}

int publish_collect(struct overlay *overlay, const struct target *image,
		    const struct range_vector *growths, const struct range *zones,
		    size_t zone_count, struct range_list *list, struct bs_error *err)
{
	struct collection collection = {.image = image, .growths = growths, .list = list};

	*list = (struct range_list){0};
	if (publish_add_extents(&collection, overlay, err) < 0 ||
	    publish_add_growths(&collection, err) < 0)
		return -1;
	list->image_count = list->ranges.count;
	for (size_t i = 0; i < zone_count; i++)
		if (publish_add_zone(list, disk_size(overlay_disk(overlay)), &zones[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

struct publish {
	const struct place *place;
	const struct transaction_io *io;
	int descriptor; /* of the temporary file */
	struct disk *before, *after;
	uint8_t *before_bytes, *after_bytes; /* in one allocation with `pending` */
	uint8_t *pending;                    /* up to JOURNAL_RECORD_MAX bytes to write together */
	size_t pending_length;
	uint64_t position; /* in the file, of the pending bytes */
	struct journal_header *header;
	struct journal_trailer trailer; /* counts the records written so far */
};

uint64_t publish_size(const struct range_list *list)
{
	uint64_t size = JOURNAL_FIRST_RECORD + JOURNAL_BLOCK_SIZE;

	for (size_t i = 0; i < list->ranges.count; i++)
		size += journal_record_size(&list->ranges.items[i], JOURNAL_PIECE_SIZE);
	return size;
}

uint64_t publish_growth(const struct range_list *list)
{
	uint64_t growth = 0;

	for (size_t i = 0; i < list->image_count; i++)
		if (list->ranges.items[i].kind != JOURNAL_DATA)
			growth += list->ranges.items[i].length;
	return growth;
}

static void publish_set_sizes(const struct range_list *list, struct journal_header *header)
{
	header->piece_size = JOURNAL_PIECE_SIZE;
	header->record_count = list->ranges.count;
	header->journal_size = publish_size(list);
}

/* If the file system cannot reserve, the writes fail later, but still before the rename. */
static int publish_reserve(const struct publish *publish, uint64_t size, struct bs_error *err)
{
	if (publish->io->fallocate(publish->descriptor, 0, 0, (off_t)size) == 0 ||
	    errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	return place_fail_room(publish->place, size, err);
}

static int publish_fail_write(const struct publish *publish, struct bs_error *err)
{
	return err->code == BS_NO_SPACE ? fail_prefix(err, "no room in %s", publish->place->folder)
					: -1;
}

/* Writes the pending bytes. */
static int publish_write_pending(struct publish *publish, struct bs_error *err)
{
	if (transaction_write(publish->io, publish->descriptor, publish->position, publish->pending,
			      publish->pending_length, WHAT, err) < 0)
		return publish_fail_write(publish, err);
	publish->position += publish->pending_length;
	publish->pending_length = 0;
	return 0;
}

/* Adds `length` bytes to the pending bytes; the caller fills them in.  NULL on error. */
static uint8_t *publish_append(struct publish *publish, size_t length, struct bs_error *err)
{
	uint8_t *bytes;

	if (publish->pending_length + length > JOURNAL_RECORD_MAX &&
	    publish_write_pending(publish, err) < 0)
		return NULL;
	bytes = publish->pending + publish->pending_length;
	publish->pending_length += length;
	return bytes;
}

static int publish_record(struct publish *publish, const struct journal_range *range,
			  struct bs_error *err)
{
	struct journal_trailer *trailer = &publish->trailer;
	size_t length = (size_t)range->length;
	uint8_t *record;

	if (range->kind == JOURNAL_DATA &&
	    disk_read(publish->before, range->offset, publish->before_bytes, length, err) < 0)
		return -1;
	if (disk_read(publish->after, range->offset, publish->after_bytes, length, err) < 0)
		return -1;
	record = publish_append(publish, journal_record_size(range, publish->header->piece_size),
				err);
	if (!record)
		return -1;
	journal_trailer_add(trailer, range,
			    journal_encode_record(publish->header, range, trailer->record_count,
						  publish->before_bytes, publish->after_bytes,
						  record));
	return 0;
}

static int publish_all(struct publish *publish, const struct range_list *list, struct bs_error *err)
{
	struct journal_header *header = publish->header;
	uint8_t *block;

	if (publish_reserve(publish, header->journal_size, err) < 0)
		return -1;
	block = publish_append(publish, JOURNAL_FIRST_RECORD, err);
	if (!block)
		return -1;
	memset(block, 0,
	       JOURNAL_FIRST_RECORD); /* behind the header, the marks, which are not set */
	journal_encode_header(header, block);
	for (size_t i = 0; i < list->ranges.count; i++)
		if (publish_record(publish, &list->ranges.items[i], err) < 0)
			return -1;
	publish->trailer.journal_size = header->journal_size;
	block = publish_append(publish, JOURNAL_BLOCK_SIZE, err);
	if (!block)
		return -1;
	journal_encode_trailer(&publish->trailer, header->identity, block);
	if (publish_write_pending(publish, err) < 0)
		return -1;
	return transaction_sync(publish->io, publish->descriptor, WHAT, err);
}

/*
 * The users who may read the image may read its journal.  Only its owner may write to the journal,
 * otherwise no command would trust it later, and the owner needs both.
 */
static mode_t publish_mode(const struct place *place)
{
	return (place->target->status.mode & (S_IRGRP | S_IROTH)) | S_IRUSR | S_IWUSR;
}

int publish_remove_temporary(const struct place *place, struct bs_error *err)
{
	struct stat stat;

	if (lstat(place->temporary, &stat) < 0 && errno == ENOENT)
		return 0;
	if (trust_check_name("unfinished undo file", place->temporary, err) < 0)
		return -1;
	if (place->target->io->unlink(place->temporary) < 0 && errno != ENOENT)
		return fail_system(err, "cannot remove %s", place->temporary);
	return 0;
}

static int publish_create(struct publish *publish, const struct place *place, struct bs_error *err)
{
	if (publish_remove_temporary(place, err) < 0)
		return -1;
	/* O_EXCL: the path is not a link that somebody has put there meanwhile. */
	publish->descriptor = publish->io->open(
		place->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		publish_mode(place));
	if (publish->descriptor < 0)
		return fail_system(err, "cannot create %s", place->temporary);
	return 0;
}

int publish_write(const struct place *place, const struct range_list *list, struct disk *after,
		  struct journal_header *header, struct bs_error *err)
{
	struct publish publish = {.place = place,
				  .io = place->target->io,
				  .descriptor = -1,
				  .before = place->target->disk,
				  .after = after,
				  .header = header};
	int result = -1;

	publish_set_sizes(list, header);
	publish.before_bytes = memory_large(2 * JOURNAL_RANGE_MAX + JOURNAL_RECORD_MAX);
	if (!publish.before_bytes)
		return fail_memory(err);
	publish.after_bytes = publish.before_bytes + JOURNAL_RANGE_MAX;
	publish.pending = publish.after_bytes + JOURNAL_RANGE_MAX;
	if (publish_create(&publish, place, err) < 0)
		goto out;
	/* A journal that no command would trust after the fix must not be used for one. */
	if (trust_check_file(publish.descriptor, "undo file", place->temporary, err) == 0)
		result = publish_all(&publish, list, err);
	close(publish.descriptor);
	if (result < 0)
		(void)publish.io->unlink(place->temporary); /* or the next start removes it */
out:
	free(publish.before_bytes);
	return result;
}

int publish_rename(const struct place *place, bool *published, struct bs_error *err)
{
	const struct transaction_io *io = place->target->io;

	*published = io->rename(place->temporary, place->journal) == 0;
	if (*published)
		return transaction_sync_folder(io, place->folder, err);
	fail_system(err, "cannot create %s", place->journal);
	(void)io->unlink(place->temporary); /* or the next start removes it */
	return -1;
}
