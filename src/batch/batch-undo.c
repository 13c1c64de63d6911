/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/batch.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/run.h"
#include "report/outcome.h"
#include "rows/location.h"
#include "rows/merge.h"
#include "rows/rows.h"
#include "util/clock.h"
#include "util/path.h"
#include "util/trust.h"
#include "util/vector.h"

DEFINE_VECTOR(images, struct find_image);

/* A pattern of the command line. */
struct pattern {
	const char *text;
	char *location; /* of the file that it names; NULL: it names none */
	bool matched;   /* an image that is fixed, or undone already */
	/* Images that are not fixed: their number, and the result of the last one. */
	size_t others;
	enum bs_status status;
	enum bs_code code;
};

struct undoing {
	const struct batch_undo_request *request;
	struct batch_undo_outcome *outcome;
	struct images images;      /* fixed, or with an interrupted change */
	uint64_t begun;            /* when the first of the undone batches began */
	struct pattern *patterns;  /* one for each of the request */
	struct rows *rows;         /* NULL: no rows can be added */
	struct progress *progress; /* NULL: none */
};

/* ---- patterns ------------------------------------------------------------------------------ */

static bool undo_pattern_matches(const struct pattern *pattern, const struct row *row)
{
	const char *const names[] = {row->path, row->location, location_name(row->location)};

	if (pattern->location && strcmp(pattern->location, row->location) == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(pattern->text, names[i]) == 0 ||
		    fnmatch(pattern->text, names[i], 0) == 0)
			return true;
	return false;
}

static bool undo_is_wanted(struct undoing *undoing, const struct row *row)
{
	bool wanted = undoing->request->pattern_count == 0;

	for (int i = 0; i < undoing->request->pattern_count; i++)
		if (undo_pattern_matches(&undoing->patterns[i], row))
			wanted = undoing->patterns[i].matched = true;
	return wanted;
}

/* For the message about a pattern that matches no fixed image: what the batch said of the image. */
static void undo_note_other(struct undoing *undoing, const struct row *row)
{
	for (int i = 0; i < undoing->request->pattern_count; i++) {
		struct pattern *pattern = &undoing->patterns[i];

		if (!undo_pattern_matches(pattern, row))
			continue;
		pattern->others++;
		pattern->status = row->status;
		pattern->code = row->code;
	}
}

static int undo_open_patterns(struct undoing *undoing, struct bs_error *err)
{
	const struct batch_undo_request *request = undoing->request;

	undoing->patterns = calloc((size_t)request->pattern_count + 1, sizeof(struct pattern));
	if (!undoing->patterns)
		return fail_memory(err);
	for (int i = 0; i < request->pattern_count; i++) {
		struct pattern *pattern = &undoing->patterns[i];

		pattern->text = request->patterns[i];
		if (access(pattern->text, F_OK) < 0)
			continue;
		pattern->location = location_of(pattern->text);
		if (!pattern->location)
			return fail_memory(err);
	}
	return 0;
}

static void undo_close_patterns(struct undoing *undoing)
{
	for (int i = 0; undoing->patterns && i < undoing->request->pattern_count; i++)
		free(undoing->patterns[i].location);
	free(undoing->patterns);
}

static int undo_fail_pattern(const struct pattern *pattern, struct bs_error *err)
{
	bool has_code = pattern->code != BS_OK;

	if (pattern->others != 1)
		return fail(err, BS_NOT_FOUND, "no fixed image in this file matches %s",
			    pattern->text);
	return fail(err, BS_NOT_FOUND, "%s is not fixed: its result in this file is '%s'%s%s%s",
		    pattern->text, outcome_of(pattern->status)->word, has_code ? " (" : "",
		    has_code ? bs_code_name(pattern->code) : "", has_code ? ")" : "");
}

static int undo_check_patterns(const struct undoing *undoing, struct bs_error *err)
{
	for (int i = 0; i < undoing->request->pattern_count; i++)
		if (!undoing->patterns[i].matched) {
			undoing->outcome->not_fixed = undoing->patterns[i].others == 1;
			return undo_fail_pattern(&undoing->patterns[i], err);
		}
	return 0;
}

/* ---- the list of images -------------------------------------------------------------------- */

/*
 * Sets *directory to the folder of the undo file, or to NULL for the default place: beside the
 * image or, if the image is only a description, beside its data file.  In the default place the
 * name of the undo file without its suffix is an existing file.
 */
static int undo_find_directory(const struct row *row, char **directory, struct bs_error *err)
{
	char *stem = strdup(row->undo_location);
	size_t length = strlen(row->undo_location), suffix = strlen(BS_UNDO_SUFFIX);
	struct stat status;

	*directory = NULL;
	if (!stem)
		return fail_memory(err);
	if (length > suffix)
		stem[length - suffix] = '\0';
	if (!strchr(stem, '/') || (row->location[0] == '/' && stat(stem, &status) == 0)) {
		free(stem);
		return 0;
	}
	path_cut_name(stem);
	*directory = stem;
	return 0;
}

static int undo_add_image(struct undoing *undoing, const struct row *row, struct bs_error *err)
{
	struct find_image *image = images_add(&undoing->images, err);
	bool is_file = row->location[0] == '/';

	if (!image)
		return -1;
	*image = (struct find_image){
		.path = strdup(row->path),
		.location = strdup(row->location),
		.file = is_file ? strdup(row->location) : NULL,
		.modified = row->modified, /* the time of the fix */
	};
	if (!image->path || !image->location || (is_file && !image->file))
		return fail_memory(err);
	if (row->begun < undoing->begun)
		undoing->begun = row->begun;
	if (undoing->request->options->undo_directory || !row->undo_location)
		return 0;
	return undo_find_directory(row, &image->undo_directory, err);
}

static int undo_compare(const void *one, const void *other)
{
	const struct find_image *a = one, *b = other;

	if (a->modified != b->modified)
		return a->modified > b->modified ? -1 : 1;
	return strcmp(a->location, b->location);
}

static void undo_report_row(const struct undoing *undoing, const struct row *row,
			    const struct bs_result *result)
{
	char *path = location_as_found(row->location, row->path);

	undoing->request->report(undoing->request->context, path ? path : row->path, result);
	free(path);
}

/* Reports an image and counts it. */
static int undo_report_result(struct undoing *undoing, const struct row *row,
			      const struct bs_result *result, struct bs_error *err)
{
	struct row counted = *row;

	counted.status = result->status;
	counted.code = result->error.code;
	undo_report_row(undoing, row, result);
	return summary_add(&undoing->outcome->summary, &counted, err);
}

/* What an image becomes that is worked on. */
static enum bs_status undo_success(const struct undoing *undoing)
{
	return undoing->request->accepts ? BS_STATUS_ACCEPTED : BS_STATUS_UNDONE;
}

/*
 * Reports an image that is undone, or accepted, according to its rows.  The image itself is left
 * alone: if it is fixed now, another batch or command has fixed it.
 */
static int undo_report_undone(struct undoing *undoing, struct merge *merge, size_t index,
			      struct bs_error *err)
{
	const struct bs_result nothing = {.status = BS_STATUS_NOTHING_TO_DO};
	struct row row;
	int result = merge_read(merge, index, &row, err);

	if (result == 0 && row.status != undo_success(undoing)) {
		undo_note_other(undoing, &row);
		undoing->outcome->dry_run |= row.dry_run;
	} else if (result == 0 && undo_is_wanted(undoing, &row)) {
		result = undo_report_result(undoing, &row, &nothing, err);
	}
	row_free(&row);
	return result;
}

static int undo_list_images(struct undoing *undoing, struct merge *merge, struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; i < merge_count(merge) && result == 0; i++) {
		struct row row;

		result = merge_read_change(merge, i, &row, err);
		if (result == 0 && !row.object)
			result = undo_report_undone(undoing, merge, i, err);
		else if (result == 0 && undo_is_wanted(undoing, &row))
			result = undo_add_image(undoing, &row, err);
		row_free(&row);
	}
	if (undoing->images.count > 0)
		qsort(undoing->images.items, undoing->images.count, sizeof(struct find_image),
		      undo_compare);
	return result;
}

static FILE *undo_open_rows(const char *path, struct bs_error *err)
{
	struct stat status;
	int descriptor;
	FILE *file;

	if (strcmp(path, "-") == 0)
		return rows_copy_stdin(err);
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		fail(err, BS_ROW_INVALID, "it is not a file");
		return NULL;
	}
	/* The rows decide which images are undone. */
	descriptor = trust_open_input(rows_file_kind.what, path, O_RDONLY, err);
	if (descriptor < 0)
		return NULL;
	file = fdopen(descriptor, "r");
	if (!file) {
		fail_system(err, "cannot be opened");
		close(descriptor);
	}
	return file;
}

/* Rows from standard input have no file to which rows could be added. */
static bool undo_is_from_stdin(const struct undoing *undoing)
{
	return strcmp(undoing->request->rows, "-") == 0;
}

/*
 * Opens the file to add rows, if that is possible.  Fails while a batch adds rows, because the rows
 * of its fixes are not complete yet.
 */
static int undo_open_writer(struct undoing *undoing, struct bs_error *err)
{
	struct bs_error *unwritten = &undoing->outcome->unwritten;

	if (undoing->request->dry_run || undo_is_from_stdin(undoing))
		return 0;
	undoing->rows = rows_open(undoing->request->rows, false, unwritten);
	if (undoing->rows || unwritten->code != BS_IN_USE)
		return 0;
	*err = *unwritten;
	return -1;
}

/* Fills in all fields of *undoing, except those that the caller has set. */
static int undo_prepare(struct undoing *undoing, struct bs_error *err)
{
	const char *path = undoing->request->rows;
	FILE *file = undo_open_rows(path, err);
	struct merge *merge = NULL;
	int result = file ? undo_open_writer(undoing, err) : -1;

	if (result == 0)
		result = undo_open_patterns(undoing, err);
	if (result == 0)
		merge = merge_open_file(file, path, &undoing->outcome->skipped, err);
	else if (file)
		fclose(file);
	if (merge)
		undoing->outcome->rows = merge_rows(merge);
	result = merge ? undo_list_images(undoing, merge, err) : -1;
	if (result == 0 && undo_is_from_stdin(undoing) && undoing->outcome->rows == 0)
		result = fail(err, BS_ROW_INVALID, "nothing came from standard input");
	merge_close(merge);
	return result == 0 ? undo_check_patterns(undoing, err) : -1;
}

/* ---- the run ------------------------------------------------------------------------------- */

/*
 * Adds a row for an image that is undone or accepted.  "Nothing to do" without an undo file means
 * that another command has undone or accepted the fix.  A failure does not stop the work on other
 * images.
 */
static void undo_add_row(struct undoing *undoing, const struct row *row)
{
	struct batch_undo_outcome *outcome = undoing->outcome;
	struct row undone = *row;

	if (undo_is_from_stdin(undoing) ||
	    (row->status != undo_success(undoing) &&
	     (row->status != BS_STATUS_NOTHING_TO_DO || row->undo_file)))
		return;
	if (!undoing->rows || outcome->unwritten.code != BS_OK ||
	    row_set_status(&undone, undo_success(undoing), &outcome->unwritten) < 0 ||
	    rows_add(undoing->rows, &undone, &outcome->unwritten) < 0)
		outcome->untold++;
}

/* On a terminal, only problems stay above the live lines. */
static bool undo_is_shown(const struct undoing *undoing, const struct row *row)
{
	return undoing->request->verbose || !undoing->progress ||
	       !progress_is_live(undoing->progress) || outcome_is_problem(row->status);
}

/* See struct run_request. */
static int undo_image_ended(void *context, const struct row *row)
{
	struct undoing *undoing = context;
	struct bs_error ignored;
	struct bs_result result = {
		.status = row->status,
		.error = {.code = row->code},
		.recovered = row->recovered,
		.exact = row->exact,
		.undo_file = (char *)row->undo_file,
		.freed = row->freed,
		.milliseconds = row->milliseconds,
	};

	if (row->message)
		snprintf(result.error.message, sizeof(result.error.message), "%s", row->message);
	if (undo_is_shown(undoing, row)) {
		if (undoing->progress)
			output_flush(progress_above(undoing->progress));
		undo_report_row(undoing, row, &result);
	}
	(void)!summary_add(&undoing->outcome->summary, row, &ignored);
	if (!undoing->request->dry_run)
		undo_add_row(undoing, row);
	return 0;
}

static enum attempt_kind undo_kind(const struct batch_undo_request *request)
{
	if (request->accepts)
		return request->dry_run ? ATTEMPT_FORESEE_ACCEPT : ATTEMPT_ACCEPT;
	return request->dry_run ? ATTEMPT_FORESEE : ATTEMPT_UNDO;
}

/* Reads the folders of all images, each once: an image with children is not undone. */
static int undo_find_relations(const struct undoing *undoing, struct bs_relations *relations,
			       struct bs_error *err)
{
	for (size_t i = 0; i < undoing->images.count; i++)
		if (bs_relations_look(relations, undoing->images.items[i].location, err) < 0)
			return -1;
	return 0;
}

static int undo_run_images(struct undoing *undoing, const struct bs_relations *relations,
			   struct bs_error *err)
{
	const struct batch_undo_request *request = undoing->request;
	struct batch_undo_outcome *outcome = undoing->outcome;
	struct bs_options options = *request->options;
	struct run_request run = {
		.kind = undo_kind(request),
		.command = request->accepts ? "accept" : "undo",
		.begun = undoing->begun,
		.options = &options,
		.images = undoing->images.items,
		.count = undoing->images.count,
		.slots = request->slots,
		.errors = request->errors,
		.ended = undo_image_ended,
		.context = undoing,
	};
	struct run_outcome ran;
	int result;

	options.relations = request->accepts ? NULL : relations;
	if (request->live && run.count > 0)
		undoing->progress =
			progress_open(request->live, request->colour, PROGRESS_LIVE, run.count);
	run.progress = undoing->progress;
	result = run_images(&run, &ran, err);
	outcome->begun = ran.begun;
	outcome->not_begun = run.count - ran.begun;
	outcome->interrupted = ran.interrupted;
	if (undoing->progress)
		(void)progress_close(undoing->progress);
	return result;
}

int batch_undo(const struct batch_undo_request *request, struct batch_undo_outcome *outcome,
	       struct bs_error *err)
{
	struct undoing undoing = {.request = request, .outcome = outcome, .begun = UINT64_MAX};
	struct bs_relations relations = {NULL};
	uint64_t started = clock_milliseconds();
	int result;

	*outcome = (struct batch_undo_outcome){.not_begun = 0};
	result = undo_prepare(&undoing, err);
	if (result == 0 && !request->accepts)
		result = undo_find_relations(&undoing, &relations, err);
	if (result == 0)
		result = undo_run_images(&undoing, &relations, err);
	bs_relations_free(&relations);
	outcome->milliseconds = clock_milliseconds() - started;
	for (size_t i = 0; i < undoing.images.count; i++)
		find_free_image(&undoing.images.items[i]);
	images_free(&undoing.images);
	undo_close_patterns(&undoing);
	rows_close(undoing.rows);
	return result;
}
