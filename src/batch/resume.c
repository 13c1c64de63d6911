/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/resume.h"

#include <fcntl.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/meaning.h"
#include "report/outcome.h"
#include "report/text.h"
#include "rows/merge.h"
#include "util/bytes.h"

/* ---- which images are done again ----------------------------------------------------------- */

/* Whether a word is the name of an outcome that needs no other try. */
static bool retry_is_good(const char *word)
{
	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (!outcome_is_problem(outcomes[i].status) && strcmp(word, outcomes[i].name) == 0)
			return true;
	return false;
}

/* A word that is similar; NULL: none. */
static const char *retry_find_similar(const char *word)
{
	const char *near = NULL;

	for (int code = BS_OK + 1; code < BS_CODE_COUNT && !near; code++)
		if (text_distance(word, bs_code_name((enum bs_code)code)) <= 2)
			near = bs_code_name((enum bs_code)code);
	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (outcome_is_problem(outcomes[i].status) &&
		    text_distance(word, outcomes[i].name) <= 2)
			near = outcomes[i].name;
	return near;
}

static int retry_fail(const char *word, struct bs_error *err)
{
	static const char takes[] = "--retry takes failed, refused, recovery-required, or a code";
	size_t first = strcspn(word, ",; ");
	const char *near = retry_find_similar(word);

	if (word[first] != '\0')
		return fail(err, BS_USAGE,
			    "%s; for several, give it several times: "
			    "--retry %.*s --retry ...",
			    takes, (int)first, word);
	if (retry_is_good(word))
		return fail(err, BS_USAGE, "%s; images that ended as '%s' are not done again",
			    takes, word);
	return fail(err, BS_USAGE, "%s, not '%s'%s%s%s", takes, word,
		    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int retry_add(struct retry *retry, const char *word, struct bs_error *err)
{
	enum bs_code code = code_named(word);
	bool known = false;

	for (size_t i = 0; i < BS_STATUS_COUNT; i++)
		if (outcome_is_problem(outcomes[i].status) && strcmp(word, outcomes[i].name) == 0)
			known = retry->statuses[outcomes[i].status] = true;
	if (code < BS_CODE_COUNT && bs_code_exit(code) != BS_EXIT_DONE)
		known = retry->codes[code] = true;
	retry->some |= known;
	return known ? 0 : retry_fail(word, err);
}

/* ---- what is done -------------------------------------------------------------------------- */

struct resumption {
	const struct resume_request *request;
	void *by_location; /* the images that were found: a tsearch(3) tree */
	struct summary *summary;
	uint64_t begun; /* the earliest in the rows; UINT64_MAX: no rows */
};

static int resume_compare(const void *one, const void *other)
{
	const struct find_image *a = one, *b = other;

	return strcmp(a->location, b->location);
}

static struct find_image *resume_find_image(const struct resumption *resumption, char *location)
{
	const struct find_image wanted = {.location = location};
	struct find_image *const *found = tfind(&wanted, &resumption->by_location, resume_compare);

	return found ? *found : NULL;
}

/* Refusals whose cause is the machine or another file, so that the cause may have gone. */
static bool resume_is_temporary(enum bs_code code)
{
	return code == BS_NO_PERMISSION || code == BS_READ_ONLY || code == BS_IN_USE ||
	       code == BS_UNDO_FILE_EXISTS || code == BS_UNDO_FILE_UNUSABLE ||
	       code == BS_UNDO_FOLDER || code == BS_FOLDER_NOT_TRUSTED || code == BS_NOT_TRUSTED ||
	       code == BS_CONTAINER_HAS_CHILDREN || code == BS_CONTAINER_PART ||
	       code == BS_DRIVER_UNUSABLE;
}

static bool resume_is_done(const struct row *row, const struct find_image *image)
{
	if (!image->was_there || row->modified == 0 || row->size != image->size ||
	    row->modified != image->modified)
		return false;
	switch (row->status) {
	case BS_STATUS_FIXED:
	case BS_STATUS_WOULD_FIX:
	case BS_STATUS_ACCEPTED:
	case BS_STATUS_NOTHING_TO_DO:
		return true;
	case BS_STATUS_REFUSED:
		return !resume_is_temporary(row->code);
	default:
		return false;
	}
}

/* With --retry: whether another run is not wanted. */
static bool resume_is_kept(const struct retry *retry, const struct row *row)
{
	return !retry->statuses[row->status] && !retry->codes[row->code];
}

/* A merge_function. */
static int resume_row(void *context, size_t index, const struct row *row, struct bs_error *err)
{
	struct resumption *resumption = context;
	const struct retry *retry = resumption->request->retry;
	struct find_image *image;

	(void)index;
	if (row->dry_run != resumption->request->dry_run)
		return fail(err, BS_ROWS_EXIST,
			    row->dry_run ? "it has results of a dry run, but this is not a dry run"
					 : "it has results of a real run, but this is a dry run");
	if (resumption->request->seen) {
		resumption->request->seen->statuses[row->status] = true;
		resumption->request->seen->codes[row->code] = true;
	}
	if (!resumption->request->leave_out)
		return 0;
	image = resume_find_image(resumption, row->location);
	if (row->begun < resumption->begun)
		resumption->begun = row->begun;
	if (!image)
		return 0;
	image->has_row = true;
	if (retry->some ? !resume_is_kept(retry, row) : !resume_is_done(row, image))
		return 0;
	image->done = true;
	return summary_add(resumption->summary, row, err);
}

static int resume_rows(struct resumption *resumption, uint64_t *skipped, struct bs_error *err)
{
	struct merge *merge = merge_open_file(rows_open_reader(resumption->request->rows, err),
					      "of earlier runs", skipped, err);
	int result = merge ? merge_each(merge, resume_row, resumption, err) : -1;

	if (result == 0 && resumption->request->retry->some && merge_count(merge) == 0)
		result = fail(err, BS_ROW_INVALID,
			      "it has no results that --retry could choose from");
	if (!merge && err->code == BS_ROW_INVALID)
		err->code = BS_FILE_EXISTS; /* the user named a file of another kind to write to */
	merge_close(merge);
	return result;
}

/* With --retry: images without a row are not begun. */
static void resume_leave_out_new(struct find_result *found)
{
	for (size_t i = 0; i < found->count; i++) {
		if (found->images[i].has_row)
			continue;
		found->images[i].done = true;
		found->left_out[FIND_NO_ROW]++;
	}
}

/* For tdestroy(3): the tree does not own the images. */
static void resume_keep_image(void *image)
{
	(void)image;
}

int resume_batch(const struct resume_request *request, struct find_result *found,
		 struct summary *summary, uint64_t *begun, uint64_t *skipped, struct bs_error *err)
{
	struct resumption resumption = {
		.request = request, .summary = summary, .begun = UINT64_MAX};
	int result = 0;

	for (size_t i = 0; i < found->count && result == 0; i++)
		if (!tsearch(&found->images[i], &resumption.by_location, resume_compare))
			result = fail_memory(err);
	if (result == 0)
		result = resume_rows(&resumption, skipped, err);
	if (result == 0 && request->leave_out) {
		if (request->retry->some)
			resume_leave_out_new(found);
		find_drop_done(found);
		if (resumption.begun == UINT64_MAX)
			*begun = rows_created(request->rows);
		else if (resumption.begun < *begun)
			*begun = resumption.begun;
	}
	tdestroy(resumption.by_location, resume_keep_image);
	return result;
}

int resume_name(const char *rows, uint8_t maker[BS_MAKER_SIZE], struct bs_error *err)
{
	struct sha256_ctx context;
	struct statx status;
	char path[PATH_MAX];
	uint8_t created[12] = {0};

	if (!realpath(rows, path) || statx(AT_FDCWD, path, 0, STATX_BTIME, &status) < 0)
		return fail_system(err, "its path or its time cannot be read");
	if (status.stx_mask & STATX_BTIME) {
		store_le64(created, (uint64_t)status.stx_btime.tv_sec);
		store_le32(created + 8, status.stx_btime.tv_nsec);
	}
	sha256_init(&context);
	sha256_update(&context, strlen(path), (const uint8_t *)path);
	sha256_update(&context, sizeof(created), created);
	sha256_digest(&context, BS_MAKER_SIZE, maker);
	return 0;
}
