/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first pass collects candidates; the second pass decides which of them are left out.  Only
 * after the first pass is it known which files are the data of another image.  The shards are
 * applied last, so that all machines divide the same list.
 */
#include "batch/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "batch/find-walk.h"
#include "rows/location.h"
#include "rows/row.h"
#include "util/crc32c.h"

struct candidate {
	struct find_image image;
	uint32_t checksum;  /* of the part of the path that all machines see; selects the shard */
	bool named;         /* on the command line */
	bool described;     /* a description: the image's bytes are in another file */
	struct stat status; /* of the file with the image's bytes; all zeros if there is none */
};

struct search {
	const struct find_request *request;
	struct find_result *result;
	struct inodes files; /* all files so far */
	struct candidate *candidates;
	size_t count, capacity;
};

/* ---- names of files (without a slash) ------------------------------------------------------ */

/* Letters and digits that rsync appends to .NAME. for its temporary file. */
#define RSYNC_RANDOM 6

static bool name_ends_with(const char *name, const char *const *endings)
{
	size_t length = strlen(name);

	for (; *endings; endings++) {
		size_t ending = strlen(*endings);

		if (length > ending && strcasecmp(name + length - ending, *endings) == 0)
			return true;
	}
	return false;
}

/* An undo file, also an incomplete one, or a lock file. */
static bool name_is_ours(const char *name)
{
	static const char *const endings[] = {BS_UNDO_SUFFIX, BS_UNDO_SUFFIX ".tmp",
					      ".bootshift-lock", NULL};

	return name_ends_with(name, endings);
}

/* ".NAME.XXXXXX" */
static bool name_is_of_rsync(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789";
	const char *random = strrchr(name, '.');

	return name[0] == '.' && random > name + 1 && strlen(random + 1) == RSYNC_RANDOM &&
	       strspn(random + 1, letters) == RSYNC_RANDOM;
}

/* The temporary names that browsers, file managers and rsync use until a copy is complete. */
static bool name_is_half_copied(const char *name)
{
	static const char *const endings[] = {".part",     ".partial", ".filepart", ".crdownload",
					      ".download", ".tmp",     NULL};

	return name_ends_with(name, endings) || name_is_of_rsync(name);
}

static bool name_is_like_an_image(const char *name)
{
#define ENDINGS(id, driver, title, ...) __VA_ARGS__,
	static const char *const endings[] = {BS_FORMATS(ENDINGS) ".qed", ".hdd", NULL};
#undef ENDINGS

	return name_ends_with(name, endings);
}

/* ---- candidates ---------------------------------------------------------------------------- */

/* Counts a file or folder that is left out. */
static void leave_out(void *context, const char *path, enum find_reason reason,
		      const struct bs_error *error)
{
	const struct search *search = context;
	bool unexpected = reason == FIND_UNREADABLE || (reason == FIND_NOT_AN_IMAGE &&
							name_is_like_an_image(location_name(path)));

	search->result->left_out[reason]++;
	if (unexpected && search->request->unexpected)
		search->request->unexpected(search->request->context, path, reason, error);
}

void find_free_image(struct find_image *image)
{
	free(image->path);
	free(image->location);
	free(image->file);
}

static struct candidate *append_candidate(struct search *search)
{
	if (search->count == search->capacity) {
		size_t capacity = search->capacity > 0 ? 2 * search->capacity : 64;
		struct candidate *candidates =
			reallocarray(search->candidates, capacity, sizeof(*candidates));

		if (!candidates)
			return NULL;
		search->candidates = candidates;
		search->capacity = capacity;
	}
	search->candidates[search->count] = (struct candidate){.checksum = 0};
	return &search->candidates[search->count++];
}

/* The file with the image's bytes: the image itself, or the data file that it names, beside it. */
static char *find_data_file(const char *location, const struct bs_recognition *recognition)
{
	const char *data = recognition->data_file;
	char *file;

	if (data[0] == '\0')
		return strdup(location);
	if (asprintf(&file, "%.*s%s", (int)(location_name(location) - location), location, data) <
	    0)
		return NULL;
	return file;
}

/* `common` is the part of the path that is the same on all machines that share a batch. */
static int add_candidate(struct search *search, const char *path, const char *common,
			 const struct bs_recognition *recognition, bool is_uri,
			 struct bs_error *err)
{
	struct candidate *candidate = append_candidate(search);
	struct find_image *image;

	if (!candidate)
		return fail_memory(err);
	image = &candidate->image;
	image->path = strdup(path);
	image->location = is_uri ? strdup(path) : location_of(path);
	candidate->checksum = crc32c(0, common, strlen(common));
	if (!image->path || !image->location)
		return fail_memory(err);
	if (is_uri)
		return 0;
	image->file = find_data_file(image->location, recognition);
	if (!image->file)
		return fail_memory(err);
	image->was_there = row_stat(image->file, &image->size, &image->modified);
	if (bs_relations_look(search->request->relations, image->path, err) < 0 ||
	    bs_relations_look(search->request->relations, image->location, err) < 0)
		return -1;
	candidate->described = recognition->data_file[0] != '\0';
	if (stat(image->file, &candidate->status) < 0)
		candidate->status = (struct stat){.st_ino = 0};
	return 0;
}

/*
 * The file may also be a data file of an image: most of them have no magic.  The descriptions in
 * its folder say so.
 */
static int leave_out_other_content(struct search *search, const char *path,
				   const struct bs_error *why, struct bs_error *err)
{
	struct bs_relations *relations = search->request->relations;
	enum find_reason reason = FIND_NOT_AN_IMAGE;

	if (name_is_like_an_image(location_name(path))) {
		if (bs_relations_look(relations, path, err) < 0)
			return -1;
		if (bs_relations_whole(relations, path))
			reason = FIND_DATA_FILE;
	}
	leave_out(search, path, reason, why);
	return 0;
}

/* A file in a folder; see struct walk. */
static int find_add_file(void *context, const char *path, const char *below,
			 const struct stat *status, struct bs_error *err)
{
	struct search *search = context;
	struct bs_recognition recognition;
	struct bs_error reason;
	bool is_new;

	if (name_is_ours(location_name(path))) {
		leave_out(search, path, FIND_OURS, NULL);
		return 0;
	}
	if (name_is_half_copied(location_name(path))) {
		leave_out(search, path, FIND_HALF_COPIED, NULL);
		return 0;
	}
	if (inodes_add(&search->files, status, &is_new, err) < 0)
		return -1;
	if (!is_new) {
		leave_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	/* A file that cannot be read counts as an image: the fix will report the error. */
	if (bs_recognise(path, &recognition, &reason) != BS_EXIT_DONE &&
	    reason.code == BS_NOT_AN_IMAGE)
		return leave_out_other_content(search, path, &reason, err);
	return add_candidate(search, path, below, &recognition, false, err);
}

/* Whether another candidate has the location of the last one.  For exports, which have no inode. */
static bool last_is_repeated(const struct search *search)
{
	const char *location = search->candidates[search->count - 1].image.location;

	for (size_t i = 0; i + 1 < search->count; i++)
		if (strcmp(search->candidates[i].image.location, location) == 0)
			return true;
	return false;
}

/* An argument that is not a folder. */
static int add_named(struct search *search, const char *path, const struct stat *status,
		     struct bs_error *err)
{
	struct bs_recognition recognition;
	struct bs_error ignored;
	bool recognised = bs_recognise(path, &recognition, &ignored) == BS_EXIT_DONE, is_new = true;

	if (status && inodes_add(&search->files, status, &is_new, err) < 0)
		return -1;
	if (!is_new) {
		leave_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	if (add_candidate(search, path, location_name(path), &recognition, recognised && !status,
			  err) < 0)
		return -1;
	if (!status && last_is_repeated(search)) {
		find_free_image(&search->candidates[--search->count].image);
		leave_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	search->candidates[search->count - 1].named = true;
	return 0;
}

/* ---- choosing ------------------------------------------------------------------------------ */

/* `data` has the data files of all descriptions. */
static bool is_left_out(const struct search *search, const struct candidate *candidate,
			const struct inodes *data, enum find_reason *reason)
{
	const struct find_request *request = search->request;

	if (!candidate->described && candidate->image.was_there &&
	    inodes_have(data, &candidate->status)) {
		*reason = FIND_DATA_FILE;
		return true;
	}
	if (!candidate->named && bs_relations_whole(request->relations, candidate->image.path)) {
		*reason = FIND_DATA_FILE;
		return true;
	}
	*reason = FIND_OTHER_SHARD;
	return candidate->checksum % request->shards != request->shard - 1;
}

/*
 * Adds the data files of all descriptions to *data.  If two descriptions name one data file, only
 * the first stays a description: the second is left out as a data file.
 */
static int collect_data_files(struct search *search, struct inodes *data, struct bs_error *err)
{
	for (size_t i = 0; i < search->count; i++) {
		struct candidate *candidate = &search->candidates[i];
		bool is_new;

		if (!candidate->described || !candidate->image.was_there)
			continue;
		if (inodes_add(data, &candidate->status, &is_new, err) < 0)
			return -1;
		candidate->described = is_new;
	}
	return 0;
}

/* Moves the images of this batch from the candidates to the result. */
static int choose_images(struct search *search, struct bs_error *err)
{
	struct find_result *result = search->result;
	struct inodes data = {NULL};
	int failed = collect_data_files(search, &data, err);

	result->images = calloc(search->count + 1, sizeof(*result->images));
	if (failed == 0 && !result->images)
		failed = fail_memory(err);
	for (size_t i = 0; i < search->count && failed == 0; i++) {
		struct candidate *candidate = &search->candidates[i];
		enum find_reason reason;

		if (is_left_out(search, candidate, &data, &reason)) {
			leave_out(search, candidate->image.path, reason, NULL);
			continue;
		}
		result->images[result->count++] = candidate->image;
		candidate->image = (struct find_image){.path = NULL};
	}
	inodes_free(&data);
	return failed;
}

static int search_arguments(struct search *search, struct bs_error *err)
{
	const struct find_request *request = search->request;
	struct walk walk = {
		.follow = request->follow,
		.include = &request->include,
		.exclude = &request->exclude,
		.file = find_add_file,
		.left_out = leave_out,
		.context = search,
	};
	int failed = 0;

	for (int i = 0; i < request->count && failed == 0; i++) {
		const char *path = request->arguments[i];
		struct stat status;
		bool is_there = stat(path, &status) == 0;

		if (is_there && S_ISDIR(status.st_mode))
			failed = walk_folder(&walk, path, err);
		else
			failed = add_named(search, path, is_there ? &status : NULL, err);
	}
	walk_end(&walk);
	return failed;
}

int find_images(const struct find_request *request, struct find_result *result,
		struct bs_error *err)
{
	struct search search = {.request = request, .result = result};
	int failed;

	*result = (struct find_result){.images = NULL};
	failed = search_arguments(&search, err);
	if (failed == 0)
		failed = choose_images(&search, err);
	for (size_t i = 0; i < search.count; i++)
		find_free_image(&search.candidates[i].image);
	free(search.candidates);
	inodes_free(&search.files);
	return failed;
}

void find_drop(struct find_result *result, const bool *done)
{
	size_t kept = 0;

	for (size_t i = 0; i < result->count; i++) {
		if (done[i])
			find_free_image(&result->images[i]);
		else
			result->images[kept++] = result->images[i];
	}
	result->count = kept;
}

void find_free(struct find_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		find_free_image(&result->images[i]);
	free(result->images);
	*result = (struct find_result){.images = NULL};
}
