/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/batch-undo.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch/run.h"
#include "report/text.h"
#include "rows/location.h"
#include "rows/merge.h"
#include "util/clock.h"

/* An image that was fixed, or is to be recovered. */
struct target {
	struct find_image image;
	char *undo_directory; /* NULL: its own folder */
	uint64_t changed;     /* when; nanoseconds since 1970 */
};

struct undoing {
	const struct batch_undo_request *request;
	struct target *targets;
	size_t count, room;
	uint64_t skipped; /* lines that are no rows */
	bool *matched;    /* for each pattern */
};

static int out_of_memory(struct bs_error *err)
{
	return fail(err, BS_NO_MEMORY, "out of memory");
}

/* ---- which images -------------------------------------------------------------------------- */

static bool matches(const char *pattern, const struct row *row)
{
	const char *const names[] = {row->path, row->location, location_name(row->location)};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(pattern, names[i]) == 0 || fnmatch(pattern, names[i], 0) == 0)
			return true;
	return false;
}

static bool is_wanted(struct undoing *undoing, const struct row *row)
{
	const struct batch_undo_request *request = undoing->request;
	bool wanted = request->pattern_count == 0;

	if (!row->object)
		return false;
	for (int i = 0; i < request->pattern_count; i++) {
		if (matches(request->patterns[i], row))
			wanted = undoing->matched[i] = true;
	}
	return wanted;
}

static int check_patterns(const struct undoing *undoing, struct bs_error *err)
{
	for (int i = 0; i < undoing->request->pattern_count; i++)
		if (!undoing->matched[i])
			return fail(err, BS_NOT_FOUND, "no image that it tells as fixed matches %s",
				    undoing->request->patterns[i]);
	return 0;
}

/* ---- where their undo files are ------------------------------------------------------------ */

/* True when the undo file is named after this path, that is, lies beside the image. */
static bool is_named_after(const char *undo_file, const char *path)
{
	size_t length = strlen(path);

	return strncmp(undo_file, path, length) == 0 &&
	       strcmp(undo_file + length, BS_UNDO_SUFFIX) == 0;
}

/*
 * Sets *directory to NULL when the undo file lies beside the image, or beside the file that the
 * image describes, whose name is then in front of the suffix.
 */
static int find_undo_directory(const struct row *row, char **directory, struct bs_error *err)
{
	char *shown = text_valid(row->location), *stem = strdup(row->undo_file), *slash;
	size_t length = strlen(row->undo_file), suffix = strlen(BS_UNDO_SUFFIX);
	struct stat status;
	bool beside;

	*directory = NULL;
	if (!shown || !stem) {
		free(shown);
		free(stem);
		return out_of_memory(err);
	}
	if (length > suffix)
		stem[length - suffix] = '\0';
	beside = is_named_after(row->undo_file, shown) ||
		 (row->location[0] == '/' && stat(stem, &status) == 0);
	free(shown);
	slash = strrchr(stem, '/');
	if (beside || !slash) {
		free(stem);
		return 0;
	}
	slash[slash == stem] = '\0';
	*directory = stem;
	return 0;
}

/* ---- the list ------------------------------------------------------------------------------ */

static void free_target(struct target *target)
{
	find_free_image(&target->image);
	free(target->undo_directory);
}

static int add(struct undoing *undoing, const struct row *row, struct bs_error *err)
{
	struct target *target;

	if (undoing->count == undoing->room) {
		size_t room = undoing->room > 0 ? 2 * undoing->room : 64;
		struct target *targets =
			reallocarray(undoing->targets, room, sizeof(*undoing->targets));

		if (!targets)
			return out_of_memory(err);
		undoing->targets = targets;
		undoing->room = room;
	}
	target = &undoing->targets[undoing->count++];
	*target = (struct target){
		.image = {.path = strdup(row->path), .location = strdup(row->location)},
		.changed = row->modified,
	};
	if (row->location[0] == '/')
		target->image.file = strdup(row->location);
	if (!target->image.path || !target->image.location ||
	    (row->location[0] == '/' && !target->image.file))
		return out_of_memory(err);
	if (undoing->request->options->undo_directory || !row->undo_file)
		return 0;
	return find_undo_directory(row, &target->undo_directory, err);
}

static int latest_first(const void *one, const void *other)
{
	const struct target *a = one, *b = other;

	if (a->changed != b->changed)
		return a->changed > b->changed ? -1 : 1;
	return strcmp(a->image.location, b->image.location);
}

static int take_rows(struct undoing *undoing, struct merge *merge, struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; i < merge_count(merge) && result == 0; i++) {
		struct row row;

		result = merge_read_change(merge, i, &row, err);
		if (result == 0 && is_wanted(undoing, &row))
			result = add(undoing, &row, err);
		row_free(&row);
	}
	if (undoing->count > 0)
		qsort(undoing->targets, undoing->count, sizeof(*undoing->targets), latest_first);
	return result;
}

static int open_rows(const char *path, FILE **file, struct bs_error *err)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return fail(err, BS_ROW_INVALID, "it is not a file");
	*file = fopen(path, "re");
	return *file ? 0 : fail_system(err, "cannot be opened");
}

/* All of *undoing but the request. */
static int collect(struct undoing *undoing, struct bs_error *err)
{
	struct merge *merge = merge_open();
	FILE *file = NULL;
	int result = -1;

	undoing->matched = calloc((size_t)undoing->request->pattern_count + 1, sizeof(bool));
	if (!merge || !undoing->matched)
		out_of_memory(err);
	else if (open_rows(undoing->request->rows, &file, err) == 0) {
		result = merge_add(merge, file, undoing->request->rows, &undoing->skipped, err);
		if (result == 0 && undoing->skipped > 0 && merge_count(merge) == 0)
			result = fail(err, BS_ROW_INVALID, "there is no row in it");
		if (result == 0)
			result = take_rows(undoing, merge, err);
		fclose(file);
	}
	if (merge)
		merge_close(merge);
	return result == 0 ? check_patterns(undoing, err) : -1;
}

/* ---- the run ------------------------------------------------------------------------------- */

static int ended(void *context, size_t slot, const struct row *row)
{
	const struct batch_undo_request *request = context;
	struct bs_result result = {
		.status = row->status,
		.error = {.code = row->code},
		.recovered = row->recovered,
		.milliseconds = row->milliseconds,
	};

	(void)slot;
	if (row->message)
		snprintf(result.error.message, sizeof(result.error.message), "%s", row->message);
	request->report(request->context, row->path, &result);
	return 0;
}

static int run(const struct undoing *undoing, struct batch_undo_outcome *outcome,
	       struct bs_error *err)
{
	const struct batch_undo_request *request = undoing->request;
	struct find_image *images = calloc(undoing->count + 1, sizeof(*images));
	const char **directories = calloc(undoing->count + 1, sizeof(*directories));
	struct run_outcome ran = {.begun = 0};
	struct run_request run = {
		.kind = ATTEMPT_UNDO,
		.command = "undo",
		.begun = clock_file_time(),
		.options = request->options,
		.images = images,
		.undo_directories = request->options->undo_directory ? NULL : directories,
		.count = undoing->count,
		.slots = request->slots,
		.watcher = {.ended = ended, .context = (void *)request},
	};
	int result = -1;

	for (size_t i = 0; images && directories && i < undoing->count; i++) {
		images[i] = undoing->targets[i].image;
		directories[i] = undoing->targets[i].undo_directory;
	}
	if (images && directories)
		result = run_images(&run, &ran, err);
	else
		out_of_memory(err);
	free(images);
	free(directories);
	*outcome = (struct batch_undo_outcome){
		.not_begun = undoing->count - ran.begun,
		.skipped = undoing->skipped,
		.interrupted = ran.interrupted,
	};
	return result;
}

int batch_undo(const struct batch_undo_request *request, struct batch_undo_outcome *outcome,
	       struct bs_error *err)
{
	struct undoing undoing = {.request = request};
	int result;

	*outcome = (struct batch_undo_outcome){.not_begun = 0};
	result = collect(&undoing, err);
	if (result == 0)
		result = run(&undoing, outcome, err);
	for (size_t i = 0; i < undoing.count; i++)
		free_target(&undoing.targets[i]);
	free(undoing.targets);
	free(undoing.matched);
	return result;
}
