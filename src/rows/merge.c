/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list has one entry for each row, until the first request sorts and joins the entries. */
#include "rows/merge.h"

#include <stdlib.h>
#include <string.h>

#include "util/vector.h"

/* The position of a row. */
struct place {
	FILE *stream;  /* borrowed; NULL: no row */
	off_t offset;  /* of the line */
	size_t length; /* of the line, without its end */
	enum bs_status status;
};

/* All rows of an image; before they are sorted, one of its rows. */
struct image {
	char *location; /* owned */
	size_t file;    /* of the latest row: index of its file, in the order of adding */
	size_t number;  /* of the latest row, in the order of adding */
	uint64_t ended; /* see row.h */
	struct place latest;
	struct place change; /* see merge_read_change() */
};

DEFINE_VECTOR(images, struct image);

struct merge {
	struct images images;
	size_t files, added;
	bool sorted; /* by location, each image once */
	char *line;  /* ROW_LENGTH_MAX bytes */
	FILE *owned; /* closed with the merge; NULL: none */
};

struct merge *merge_open(void)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->line = malloc(ROW_LENGTH_MAX);
	if (!merge->line) {
		free(merge);
		merge = NULL;
	}
	return merge;
}

void merge_close(struct merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < merge->images.count; i++)
		free(merge->images.items[i].location);
	images_free(&merge->images);
	free(merge->line);
	if (merge->owned)
		fclose(merge->owned);
	free(merge);
}

/* ---- adding -------------------------------------------------------------------------------- */

/*
 * Reads up to ROW_LENGTH_MAX bytes of a line into `line`; *length is the length of the whole line.
 * False at the end of the file, also if the last line is incomplete.
 */
static bool merge_read_line(FILE *stream, char *line, size_t *length)
{
	int byte;

	for (*length = 0; (byte = getc_unlocked(stream)) != EOF; (*length)++) {
		if (byte == '\n')
			return true;
		if (*length < ROW_LENGTH_MAX)
			line[*length] = (char)byte;
	}
	return false;
}

static bool merge_is_change(const struct row *row)
{
	return row->status == BS_STATUS_FIXED || row->status == BS_STATUS_RECOVERY_REQUIRED;
}

/* Adds the row in merge->line.  Counts the line in *skipped if it is not a valid row. */
static int merge_add_line(struct merge *merge, struct place *place, uint64_t *skipped,
			  struct bs_error *err)
{
	struct row row;
	int result = row_parse(merge->line, place->length, &row, err);

	if (result == 0) {
		struct image image = {.location = row.location,
				      .file = merge->files,
				      .number = merge->added++,
				      .ended = row.ended};

		place->status = row.status;
		image.latest = *place;
		if (merge_is_change(&row))
			image.change = *place;
		result = images_append(&merge->images, image, err);
		if (result == 0)
			row.location = NULL; /* now owned by the image */
	} else if (err->code == BS_ROW_INVALID) {
		(*skipped)++;
		result = 0;
	}
	row_free(&row);
	return result;
}

int merge_add(struct merge *merge, FILE *rows, const char *name, uint64_t *skipped,
	      struct bs_error *err)
{
	struct place place = {.stream = rows, .offset = ftello(rows)};

	*skipped = 0;
	while (merge_read_line(rows, merge->line, &place.length)) {
		if (place.length > ROW_LENGTH_MAX)
			(*skipped)++;
		else if (merge_add_line(merge, &place, skipped, err) < 0)
			return -1;
		place.offset += (off_t)place.length + 1;
	}
	merge->files++;
	if (ferror(rows))
		return fail_errno(err, BS_IO, "the batch results in '%s' cannot be read", name);
	return 0;
}

struct merge *merge_open_file(FILE *rows, const char *name, uint64_t *skipped, struct bs_error *err)
{
	struct merge *merge = rows ? merge_open() : NULL;

	if (!rows)
		return NULL;
	if (!merge) {
		fail_memory(err);
		fclose(rows);
		return NULL;
	}
	merge->owned = rows;
	if (merge_add(merge, rows, name, skipped, err) == 0) {
		if (*skipped == 0 || merge_count(merge) > 0)
			return merge;
		fail(err, BS_ROW_INVALID, "this is not a file of batch results");
	}
	merge_close(merge);
	return NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int merge_by_number(const void *one, const void *other)
{
	const struct image *a = one, *b = other;
	int order = strcmp(a->location, b->location);

	return order != 0 ? order : a->number < b->number ? -1 : a->number > b->number;
}

static int merge_by_time(const void *one, const void *other)
{
	const struct image *a = one, *b = other;
	int order = strcmp(a->location, b->location);

	if (order != 0 || a->ended == b->ended)
		return merge_by_number(one, other);
	return a->ended < b->ended ? -1 : 1;
}

/* Sorts by location and time.  In one file, a later row counts as later even if its time is not. */
static void merge_sort_rows(struct merge *merge)
{
	qsort(merge->images.items, merge->images.count, sizeof(merge->images.items[0]),
	      merge_by_number);
	for (size_t i = 1; i < merge->images.count; i++) {
		struct image *image = &merge->images.items[i];
		const struct image *before = image - 1;

		if (image->file == before->file && image->ended < before->ended &&
		    strcmp(image->location, before->location) == 0)
			image->ended = before->ended;
	}
	qsort(merge->images.items, merge->images.count, sizeof(merge->images.items[0]),
	      merge_by_time);
}

/* Whether a row says that the change of the rows before it cannot be undone any more. */
static bool merge_ends_change(enum bs_status status)
{
	return status == BS_STATUS_UNDONE || status == BS_STATUS_ACCEPTED;
}

/* Joins the entry of a row with the entry of the earlier rows of the same image. */
static void merge_join(struct image *image, struct image *earlier)
{
	if (!image->change.stream && !merge_ends_change(image->latest.status))
		image->change = earlier->change;
	free(earlier->location);
}

static void merge_sort(struct merge *merge)
{
	size_t kept = 0;

	if (merge->sorted)
		return;
	if (merge->images.count > 0)
		merge_sort_rows(merge);
	for (size_t i = 0; i < merge->images.count; i++) {
		struct image *image = &merge->images.items[i];

		if (i + 1 < merge->images.count && strcmp(image->location, image[1].location) == 0)
			merge_join(image + 1, image);
		else
			merge->images.items[kept++] = *image;
	}
	merge->images.count = kept;
	merge->sorted = true;
}

size_t merge_rows(const struct merge *merge)
{
	return merge->added;
}

size_t merge_count(struct merge *merge)
{
	merge_sort(merge);
	return merge->images.count;
}

static int merge_read_place(struct merge *merge, const struct place *place, struct row *row,
			    struct bs_error *err)
{
	*row = (struct row){.object = NULL};
	if (fseeko(place->stream, place->offset, SEEK_SET) < 0 ||
	    fread(merge->line, 1, place->length, place->stream) != place->length)
		return fail(err, BS_IO, "the batch results cannot be read a second time");
	return row_parse(merge->line, place->length, row, err);
}

int merge_read(struct merge *merge, size_t index, struct row *row, struct bs_error *err)
{
	const struct image *image;

	merge_sort(merge);
	image = &merge->images.items[index];
	if (image->latest.status == BS_STATUS_NOTHING_TO_DO && image->change.stream &&
	    image->change.status == BS_STATUS_FIXED)
		return merge_read_place(merge, &image->change, row, err);
	return merge_read_place(merge, &image->latest, row, err);
}

int merge_read_change(struct merge *merge, size_t index, struct row *row, struct bs_error *err)
{
	const struct image *image;

	merge_sort(merge);
	image = &merge->images.items[index];
	*row = (struct row){.object = NULL};
	return image->change.stream ? merge_read_place(merge, &image->change, row, err) : 0;
}

int merge_each(struct merge *merge, merge_function *function, void *context, struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < merge_count(merge); i++) {
		struct row row;

		result = merge_read(merge, i, &row, err);
		if (result == 0)
			result = function(context, i, &row, err);
		row_free(&row);
	}
	return result;
}
