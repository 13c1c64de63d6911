/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/resume.h"

#include <fcntl.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rows/merge.h"
#include "util/bytes.h"

struct resumption {
	const struct resume_request *request;
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
	       code == BS_UNDO_FILE_EXISTS || code == BS_UNDO_FILE_UNUSABLE ||
	       code == BS_UNDO_FOLDER || code == BS_FOLDER_NOT_TRUSTED || code == BS_NOT_TRUSTED ||
	       code == BS_CONTAINER_HAS_CHILDREN || code == BS_CONTAINER_PART;
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
static int take_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct resumption *resumption = context;
	struct find_image *image;

	(void)index;
	if (row->dry_run != resumption->request->dry_run)
		return fail(err, BS_ROWS_EXIST, "it has rows of a batch that was %s dry run",
			    row->dry_run ? "a" : "no");
	if (!resumption->request->leave_out)
		return 0;
	image = find_location(resumption, row->location);
	if (row->begun < resumption->begun)
		resumption->begun = row->begun;
	if (!image || !is_done(row, image))
		return 0;
	resumption->done[image - resumption->found->images] = true;
	return summary_add(resumption->summary, row, err);
}

/* The latest row of each image. */
static int take_rows(struct resumption *resumption, uint64_t *skipped, struct bs_error *err)
{
	FILE *file = rows_read(resumption->request->rows, err);
	struct merge *merge = merge_open();
	int result = -1;

	if (!merge)
		fail(err, BS_NO_MEMORY, "out of memory");
	else if (file)
		result = merge_add(merge, file, "so far", skipped, err);
	if (result == 0 && *skipped > 0 && merge_count(merge) == 0)
		result = fail(err, BS_ROW_INVALID, "it has lines, but no row");
	if (result == 0)
		result = merge_each(merge, take_row, resumption, err);
	if (merge)
		merge_close(merge);
	if (file)
		fclose(file);
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

int resume_batch(const struct resume_request *request, struct find_result *found,
		 struct summary *summary, uint64_t *begun, uint64_t *skipped, struct bs_error *err)
{
	struct resumption resumption = {
		.request = request, .found = found, .summary = summary, .begun = UINT64_MAX};
	int result = sort_by_location(&resumption, err);

	if (result == 0)
		result = take_rows(&resumption, skipped, err);
	if (result == 0 && request->leave_out) {
		find_drop(found, resumption.done);
		if (resumption.begun == UINT64_MAX)
			*begun = rows_made(request->rows);
		else if (resumption.begun < *begun)
			*begun = resumption.begun;
	}
	free(resumption.by_location);
	free(resumption.done);
	return result;
}

int resume_name(const char *rows, uint8_t maker[BS_MAKER_SIZE], struct bs_error *err)
{
	struct sha256_ctx context;
	struct statx status;
	char path[PATH_MAX];
	uint8_t made[12] = {0};

	if (!realpath(rows, path) || statx(AT_FDCWD, path, 0, STATX_BTIME, &status) != 0)
		return fail_system(err, "cannot be found again");
	if (status.stx_mask & STATX_BTIME) {
		store_le64(made, (uint64_t)status.stx_btime.tv_sec);
		store_le32(made + 8, status.stx_btime.tv_nsec);
	}
	sha256_init(&context);
	sha256_update(&context, strlen(path), (const uint8_t *)path);
	sha256_update(&context, sizeof(made), made);
	sha256_digest(&context, BS_MAKER_SIZE, maker);
	return 0;
}
