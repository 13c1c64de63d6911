/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/batch-undo.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/run.h"
#include "report/whole-file.h"
#include "rows/location.h"
#include "rows/merge.h"
#include "rows/rows.h"
#include "util/trust.h"

/* An image that was fixed, or is to be recovered. */
struct target {
	struct find_image image;
	char *undo_directory; /* NULL: its own folder */
	uint64_t changed;     /* when; nanoseconds since 1970 */
};

struct undoing {
	const struct batch_undo_request *request;
	struct batch_undo_outcome *outcome;
	struct target *targets;
	size_t count, room;
	uint64_t begun;    /* when the first of the batches began that are taken back */
	bool *matched;     /* for each pattern */
	struct rows *rows; /* NULL where no rows can be added */
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

/*
 * Sets *directory to NULL when the undo file lies beside the image, or beside the file that the
 * image describes: what is in front of its suffix is the name of a file then.
 */
static int find_undo_directory(const struct row *row, char **directory, struct bs_error *err)
{
	char *stem = strdup(row->undo_location), *slash;
	size_t length = strlen(row->undo_location), suffix = strlen(BS_UNDO_SUFFIX);
	struct stat status;

	*directory = NULL;
	if (!stem)
		return out_of_memory(err);
	if (length > suffix)
		stem[length - suffix] = '\0';
	slash = strrchr(stem, '/');
	if (!slash || (row->location[0] == '/' && stat(stem, &status) == 0)) {
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
	if (row->begun < undoing->begun)
		undoing->begun = row->begun;
	if (undoing->request->options->undo_directory || !row->undo_location)
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

/* The path is told with the bytes of the name, which a row has as text. */
static void report(const struct undoing *undoing, const struct row *row,
		   const struct bs_result *result)
{
	char *path = location_as_found(row->location, row->path);

	undoing->request->report(undoing->request->context, path ? path : row->path, result);
	free(path);
}

/* By its rows it is taken back: there may be another fix by now, which is none of this batch's. */
static int take_undone(struct undoing *undoing, struct merge *merge, size_t index,
		       struct bs_error *err)
{
	const struct bs_result nothing = {.status = BS_STATUS_NOTHING_TO_DO};
	struct row row;
	int result = merge_read(merge, index, &row, err);

	if (result == 0 && row.status == BS_STATUS_UNDONE && is_wanted(undoing, &row))
		report(undoing, &row, &nothing);
	row_free(&row);
	return result;
}

static int take_rows(struct undoing *undoing, struct merge *merge, struct bs_error *err)
{
	int result = 0;

	for (size_t i = 0; i < merge_count(merge) && result == 0; i++) {
		struct row row;

		result = merge_read_change(merge, i, &row, err);
		if (result == 0 && !row.object)
			result = take_undone(undoing, merge, i, err);
		else if (result == 0 && is_wanted(undoing, &row))
			result = add(undoing, &row, err);
		row_free(&row);
	}
	if (undoing->count > 0)
		qsort(undoing->targets, undoing->count, sizeof(*undoing->targets), latest_first);
	return result;
}

/*
 * For reading and, if they can be added to, for that as well.  While a batch adds to them, what it
 * has fixed is not known yet.
 */
static int open_rows(struct undoing *undoing, FILE **file, struct bs_error *err)
{
	const char *path = undoing->request->rows;
	struct stat status;
	int descriptor;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return fail(err, BS_ROW_INVALID, "it is not a file");
	/* The rows decide which images are taken back. */
	descriptor = trust_open_input(whole_file_rows.what, path, O_RDONLY, err);
	if (descriptor < 0)
		return -1;
	*file = fdopen(descriptor, "r");
	if (!*file) {
		close(descriptor);
		return fail_system(err, "cannot be opened");
	}
	undoing->rows = rows_open(path, false, &undoing->outcome->unwritten);
	if (undoing->rows || undoing->outcome->unwritten.code != BS_IN_USE)
		return 0;
	*err = undoing->outcome->unwritten;
	return -1;
}

/* All of *undoing but the request. */
static int collect(struct undoing *undoing, struct bs_error *err)
{
	uint64_t *skipped = &undoing->outcome->skipped;
	struct merge *merge = merge_open();
	FILE *file = NULL;
	int result = -1;

	undoing->matched = calloc((size_t)undoing->request->pattern_count + 1, sizeof(bool));
	if (!merge || !undoing->matched)
		out_of_memory(err);
	else if (open_rows(undoing, &file, err) == 0)
		result = merge_add(merge, file, undoing->request->rows, skipped, err);
	if (result == 0 && *skipped > 0 && merge_count(merge) == 0)
		result = fail(err, BS_ROW_INVALID, "there is no row in it");
	if (result == 0)
		result = take_rows(undoing, merge, err);
	if (file)
		fclose(file);
	if (merge)
		merge_close(merge);
	return result == 0 ? check_patterns(undoing, err) : -1;
}

/* ---- the run ------------------------------------------------------------------------------- */

/*
 * So that the rows say what is true; one that cannot be added keeps nothing from being undone.  An
 * image without an undo file any more was taken back by somebody else.
 */
static void tell_undone(struct undoing *undoing, const struct row *row)
{
	struct batch_undo_outcome *outcome = undoing->outcome;
	struct row undone = *row;

	if (row->status != BS_STATUS_UNDONE &&
	    (row->status != BS_STATUS_NOTHING_TO_DO || row->undo_file))
		return;
	if (!undoing->rows || outcome->unwritten.code != BS_OK ||
	    row_set_undone(&undone, &outcome->unwritten) != 0 ||
	    rows_add(undoing->rows, &undone, &outcome->unwritten) != 0)
		outcome->untold++;
}

static int ended(void *context, size_t slot, const struct row *row)
{
	struct undoing *undoing = context;
	struct bs_result result = {
		.status = row->status,
		.error = {.code = row->code},
		.recovered = row->recovered,
		.exact = row->exact,
		.undo_file = (char *)row->undo_file,
		.milliseconds = row->milliseconds,
	};

	(void)slot;
	if (row->message)
		snprintf(result.error.message, sizeof(result.error.message), "%s", row->message);
	report(undoing, row, &result);
	tell_undone(undoing, row);
	return 0;
}

static int run(struct undoing *undoing, struct bs_error *err)
{
	const struct batch_undo_request *request = undoing->request;
	struct find_image *images = calloc(undoing->count + 1, sizeof(*images));
	const char **directories = calloc(undoing->count + 1, sizeof(*directories));
	struct run_outcome ran = {.begun = 0};
	struct run_request run = {
		.kind = ATTEMPT_UNDO,
		.command = "undo",
		.begun = undoing->begun,
		.options = request->options,
		.images = images,
		.undo_directories = request->options->undo_directory ? NULL : directories,
		.count = undoing->count,
		.slots = request->slots,
		.watcher = {.ended = ended, .context = undoing},
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
	undoing->outcome->not_begun = undoing->count - ran.begun;
	undoing->outcome->interrupted = ran.interrupted;
	return result;
}

int batch_undo(const struct batch_undo_request *request, struct batch_undo_outcome *outcome,
	       struct bs_error *err)
{
	struct undoing undoing = {.request = request, .outcome = outcome, .begun = UINT64_MAX};
	int result;

	*outcome = (struct batch_undo_outcome){.not_begun = 0};
	result = collect(&undoing, err);
	if (result == 0)
		result = run(&undoing, err);
	for (size_t i = 0; i < undoing.count; i++)
		free_target(&undoing.targets[i]);
	free(undoing.targets);
	free(undoing.matched);
	rows_close(undoing.rows);
	return result;
}
