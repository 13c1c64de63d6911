/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/resume.h"

#include <stdlib.h>
#include <string.h>

#include "rows/merge.h"

struct resumption {
	bool dry_run;
	struct find_result *found;
	struct find_image **by_location; /* sorted */
	bool *done;                      /* for each image as found */
	struct summary *summary;
	uint64_t begun; /* when the first batch began of those that have rows; UINT64_MAX: none */
};

static int compare(const void *one, const void *other)
{
	const struct find_image *const *a = one, *const *b = other;

	return strcmp((*a)->location, (*b)->location);
}

static struct find_image *find_location(const struct resumption *resumption, char *location)
{
	const struct find_image wanted = {.location = location}, *key = &wanted;
	struct find_image **found = bsearch(&key, resumption->by_location, resumption->found->count,
					    sizeof(*resumption->by_location), compare);

	return found ? *found : NULL;
}

/* Refusals that have to do with the machine, or with what lies beside the image. */
static bool may_pass(enum bs_code code)
{
	return code == BS_NO_PERMISSION || code == BS_READ_ONLY || code == BS_IN_USE ||
	       code == BS_UNDO_FILE_EXISTS;
}

static bool is_done(const struct row *row, const struct find_image *image)
{
	if (!image->was_there || row->modified == 0 || row->size != image->size ||
	    row->modified != image->modified)
		return false;
	switch (row->status) {
	case BS_STATUS_FIXED:
	case BS_STATUS_WOULD_FIX:
	case BS_STATUS_NOTHING_TO_DO:
		return true;
	case BS_STATUS_REFUSED:
		return !may_pass(row->code);
	default:
		return false;
	}
}

static int take_row(struct resumption *resumption, const struct row *row, struct bs_error *err)
{
	struct find_image *image = find_location(resumption, row->location);

	if (row->dry_run != resumption->dry_run)
		return fail(err, BS_ROWS_EXIST, "it has rows of a batch that was %s dry run",
			    row->dry_run ? "a" : "no");
	if (row->begun < resumption->begun)
		resumption->begun = row->begun;
	if (!image || !is_done(row, image))
		return 0;
	resumption->done[image - resumption->found->images] = true;
	return summary_add(resumption->summary, row, err);
}

static int take_rows(struct resumption *resumption, FILE *file, uint64_t *skipped,
		     struct bs_error *err)
{
	struct merge *merge = merge_open();
	int result;

	if (!merge)
		return fail(err, BS_NO_MEMORY, "out of memory");
	result = merge_add(merge, file, "so far", skipped, err);
	for (size_t i = 0; result == 0 && i < merge_count(merge); i++) {
		struct row row;

		result = merge_read(merge, i, &row, err);
		if (result == 0)
			result = take_row(resumption, &row, err);
		row_free(&row);
	}
	merge_close(merge);
	return result;
}

static int sort_by_location(struct resumption *resumption, struct bs_error *err)
{
	size_t count = resumption->found->count;

	resumption->by_location = calloc(count + 1, sizeof(struct find_image *));
	resumption->done = calloc(count + 1, sizeof(bool));
	if (!resumption->by_location || !resumption->done)
		return fail(err, BS_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++)
		resumption->by_location[i] = &resumption->found->images[i];
	qsort(resumption->by_location, count, sizeof(struct find_image *), compare);
	return 0;
}

int resume_batch(const struct rows *rows, bool dry_run, struct find_result *found,
		 struct summary *summary, uint64_t *begun, uint64_t *skipped, struct bs_error *err)
{
	struct resumption resumption = {
		.dry_run = dry_run, .found = found, .summary = summary, .begun = UINT64_MAX};
	FILE *file = rows_read(rows, err);
	int result = -1;

	if (file && sort_by_location(&resumption, err) == 0)
		result = take_rows(&resumption, file, skipped, err);
	if (result == 0) {
		find_drop(found, resumption.done);
		if (resumption.begun == UINT64_MAX)
			*begun = rows_made(rows);
		else if (resumption.begun < *begun)
			*begun = resumption.begun;
	}
	free(resumption.by_location);
	free(resumption.done);
	if (file)
		fclose(file);
	return result;
}
