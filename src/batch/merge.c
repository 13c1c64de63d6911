/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The latest row of each image: all rows' places, sorted when they are first asked for. */
#include "batch/merge.h"

#include <stdlib.h>
#include <string.h>

/* Where a row is. */
struct place {
	char *location; /* of its own */
	FILE *stream;   /* borrowed */
	off_t offset;   /* of the line */
	size_t length;  /* of the line, without its end */
	size_t number;  /* of the row; later rows have larger ones */
};

struct merge {
	struct place *places;
	size_t count, capacity, added;
	bool sorted; /* by location, one place for each */
	char *line;  /* ROW_LENGTH_MAX bytes */
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
	for (size_t i = 0; i < merge->count; i++)
		free(merge->places[i].location);
	free(merge->places);
	free(merge->line);
	free(merge);
}

/* ---- adding -------------------------------------------------------------------------------- */

/*
 * Reads a line into `line`, as much of it as has room there; *length is that of the whole line.
 * False at the end of the file, also when that comes before the line's own end.
 */
static bool read_line(FILE *stream, char *line, size_t *length)
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

static int add_place(struct merge *merge, const struct place *place, struct bs_error *err)
{
	if (merge->count == merge->capacity) {
		size_t capacity = merge->capacity > 0 ? 2 * merge->capacity : 64;
		struct place *places =
			reallocarray(merge->places, capacity, sizeof(merge->places[0]));

		if (!places)
			return fail(err, BS_NO_MEMORY, "out of memory");
		merge->places = places;
		merge->capacity = capacity;
	}
	merge->places[merge->count++] = *place;
	return 0;
}

/* Adds the row in merge->line; one that is none is counted. */
static int add_line(struct merge *merge, struct place *place, uint64_t *skipped,
		    struct bs_error *err)
{
	struct row row;
	int result = row_parse(merge->line, place->length, &row, err);

	if (result == 0) {
		place->number = merge->added++;
		place->location = row.location;
		result = add_place(merge, place, err);
		if (result == 0)
			row.location = NULL; /* taken over */
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
	struct place place = {.stream = rows};

	*skipped = 0;
	merge->sorted = false;
	rewind(rows);
	while (read_line(rows, merge->line, &place.length)) {
		if (place.length > ROW_LENGTH_MAX)
			(*skipped)++;
		else if (add_line(merge, &place, skipped, err) != 0)
			return -1;
		place.offset += (off_t)place.length + 1;
	}
	if (ferror(rows))
		return fail_errno(err, BS_IO, "the rows '%s' cannot be read", name);
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int by_location(const void *one, const void *other)
{
	const struct place *a = one, *b = other;
	int order = strcmp(a->location, b->location);

	return order != 0 ? order : a->number < b->number ? -1 : a->number > b->number;
}

/* Leaves the last of the places with the same location. */
static void sort(struct merge *merge)
{
	size_t kept = 0;

	if (merge->sorted)
		return;
	if (merge->count > 0)
		qsort(merge->places, merge->count, sizeof(merge->places[0]), by_location);
	for (size_t i = 0; i < merge->count; i++) {
		if (i + 1 < merge->count &&
		    strcmp(merge->places[i].location, merge->places[i + 1].location) == 0)
			free(merge->places[i].location);
		else
			merge->places[kept++] = merge->places[i];
	}
	merge->count = kept;
	merge->sorted = true;
}

size_t merge_count(struct merge *merge)
{
	sort(merge);
	return merge->count;
}

int merge_read(struct merge *merge, size_t index, struct row *row, struct bs_error *err)
{
	const struct place *place;

	*row = (struct row){.object = NULL};
	sort(merge);
	place = &merge->places[index];
	if (fseeko(place->stream, place->offset, SEEK_SET) != 0 ||
	    fread(merge->line, 1, place->length, place->stream) != place->length)
		return fail(err, BS_IO, "the rows cannot be read a second time");
	return row_parse(merge->line, place->length, row, err);
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
