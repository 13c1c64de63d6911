/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/resume.h"

#include <stdlib.h>
#include <string.h>

#include "rows/merge.h"

struct resumption {
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

/* A merge_function. */
static int check_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	const bool *dry_run = context;

	(void)index;
	if (row->dry_run == *dry_run)
		return 0;
	return fail(err, BS_ROWS_EXIST, "it has rows of a batch that was %s dry run",
		    row->dry_run ? "a" : "no");
}

/* A merge_function. */
static int take_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct resumption *resumption = context;
	struct find_image *image = find_location(resumption, row->location);

	(void)index;
	if (row->begun < resumption->begun)
		resumption->begun = row->begun;
	if (!image || !is_done(row, image))
		return 0;
	resumption->done[image - resumption->found->images] = true;
	return summary_add(resumption->summary, row, err);
}

/* Calls a function for the latest row of each image. */
static int each_row(const struct rows *rows, merge_function *function, void *context,
		    uint64_t *skipped, struct bs_error *err)
{
	struct merge *merge = merge_open();
	FILE *file = rows_read(rows, err);
	int result = -1;

	if (!merge)
		fail(err, BS_NO_MEMORY, "out of memory");
	else if (file)
		result = merge_add(merge, file, "so far", skipped, err);
	if (result == 0 && *skipped > 0 && merge_count(merge) == 0)
		result = fail(err, BS_ROW_INVALID, "it has lines, but no row");
	if (result == 0)
		result = merge_each(merge, function, context, err);
	if (merge)
		merge_close(merge);
	if (file)
		fclose(file);
	return result;
}

int resume_check(const struct rows *rows, bool dry_run, uint64_t *skipped, struct bs_error *err)
{
	return each_row(rows, check_row, &dry_run, skipped, err);
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

int resume_batch(const struct rows *rows, struct find_result *found, struct summary *summary,
		 uint64_t *begun, struct bs_error *err)
{
	struct resumption resumption = {.found = found, .summary = summary, .begun = UINT64_MAX};
	uint64_t skipped;
	int result = sort_by_location(&resumption, err);

	if (result == 0)
		result = each_row(rows, take_row, &resumption, &skipped, err);
	if (result == 0) {
		find_drop(found, resumption.done);
		if (resumption.begun == UINT64_MAX)
			*begun = rows_made(rows);
		else if (resumption.begun < *begun)
			*begun = resumption.begun;
	}
	free(resumption.by_location);
	free(resumption.done);
	return result;
}
