/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First everything is looked at, then it is decided what is left out: that a file is the data of
 * another image, is known only when all were seen.  Which part of the batch an image belongs to is
 * decided last, so that all parts, on whatever machine, have the same list to share out.
 */
#include "batch/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/find-name.h"
#include "batch/find-walk.h"
#include "rows/location.h"
#include "rows/row.h"
#include "util/crc32c.h"

struct candidate {
	struct find_image image;
	uint32_t part;      /* a checksum of what the machines have in common of its path */
	bool named;         /* on the command line */
	bool described;     /* its bytes are in another file */
	struct stat status; /* of the file with its bytes; all zeros where there is none */
};

struct search {
	const struct find_request *request;
	struct find_result *result;
	struct inodes files; /* that were seen */
	struct candidate *candidates;
	size_t count, room;
};

static int out_of_memory(struct bs_error *err)
{
	return fail(err, BS_NO_MEMORY, "out of memory");
}

static void left_out(void *context, const char *path, enum find_reason reason,
		     const struct bs_error *error)
{
	const struct search *search = context;
	bool meant = reason == FIND_UNREADABLE || (reason == FIND_NOT_AN_IMAGE &&
						   find_name_is_like_an_image(location_name(path)));

	search->result->left_out[reason]++;
	if (meant && search->request->tell)
		search->request->tell(search->request->context, path, reason, error);
}

/* ---- candidates ---------------------------------------------------------------------------- */

void find_free_image(struct find_image *image)
{
	free(image->path);
	free(image->location);
	free(image->file);
}

static struct candidate *append(struct search *search)
{
	if (search->count == search->room) {
		size_t room = search->room > 0 ? 2 * search->room : 64;
		struct candidate *candidates =
			realloc(search->candidates, room * sizeof(*candidates));

		if (!candidates)
			return NULL;
		search->candidates = candidates;
		search->room = room;
	}
	search->candidates[search->count] = (struct candidate){.part = 0};
	return &search->candidates[search->count++];
}

/* The file with the bytes: the image, or the one that it names, beside it. */
static char *find_file(const char *location, const struct bs_recognition *recognition)
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

/* Adds an image; `common` is what the machines have in common of its path. */
static int add(struct search *search, const char *path, const char *common,
	       const struct bs_recognition *recognition, bool is_uri, struct bs_error *err)
{
	struct candidate *candidate = append(search);
	struct find_image *image;

	if (!candidate)
		return out_of_memory(err);
	image = &candidate->image;
	image->path = strdup(path);
	image->location = is_uri ? strdup(path) : location_of(path);
	candidate->part = crc32c(0, common, strlen(common));
	if (!image->path || !image->location)
		return out_of_memory(err);
	if (is_uri)
		return 0;
	image->file = find_file(image->location, recognition);
	if (!image->file)
		return out_of_memory(err);
	image->was_there = row_look(image->file, &image->size, &image->modified);
	if (bs_relations_look(search->request->relations, image->path, err) != 0 ||
	    bs_relations_look(search->request->relations, image->location, err) != 0)
		return -1;
	candidate->described = recognition->data_file[0] != '\0';
	if (stat(image->file, &candidate->status) != 0)
		candidate->status = (struct stat){.st_ino = 0};
	return 0;
}

/* Most files of a disk in several have no mark at all. */
static int leave_out(struct search *search, const char *path, const struct bs_error *why,
		     struct bs_error *err)
{
	struct bs_relations *relations = search->request->relations;
	enum find_reason reason = FIND_NOT_AN_IMAGE;

	if (find_name_is_like_an_image(location_name(path))) {
		if (bs_relations_look(relations, path, err) != 0)
			return -1;
		if (bs_relations_whole(relations, path))
			reason = FIND_DATA_FILE;
	}
	left_out(search, path, reason, why);
	return 0;
}

/* A file in a folder. */
static int take_file(void *context, const char *path, const char *below, const struct stat *status,
		     struct bs_error *err)
{
	struct search *search = context;
	struct bs_recognition recognition;
	struct bs_error reason;
	bool is_new;

	if (find_name_is_ours(location_name(path))) {
		left_out(search, path, FIND_OURS, NULL);
		return 0;
	}
	if (find_name_is_half_copied(location_name(path))) {
		left_out(search, path, FIND_HALF_COPIED, NULL);
		return 0;
	}
	if (inodes_add(&search->files, status, &is_new, err) != 0)
		return -1;
	if (!is_new) {
		left_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	/* What cannot be told, as of a file that may not be read, counts: a fix will say why. */
	if (bs_recognise(path, &recognition, &reason) != BS_EXIT_DONE &&
	    reason.code == BS_NOT_AN_IMAGE)
		return leave_out(search, path, &reason, err);
	return add(search, path, below, &recognition, false, err);
}

/* For what has no inode, such as an export: whether the last one is there already. */
static bool repeats_another(const struct search *search)
{
	const char *location = search->candidates[search->count - 1].image.location;

	for (size_t i = 0; i + 1 < search->count; i++)
		if (strcmp(search->candidates[i].image.location, location) == 0)
			return true;
	return false;
}

/* Something that is named and is no folder. */
static int take_named(struct search *search, const char *path, const struct stat *status,
		      struct bs_error *err)
{
	struct bs_recognition recognition;
	struct bs_error ignored;
	bool recognised = bs_recognise(path, &recognition, &ignored) == BS_EXIT_DONE, is_new = true;

	if (status && inodes_add(&search->files, status, &is_new, err) != 0)
		return -1;
	if (!is_new) {
		left_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	if (add(search, path, location_name(path), &recognition, recognised && !status, err) != 0)
		return -1;
	if (!status && repeats_another(search)) {
		find_free_image(&search->candidates[--search->count].image);
		left_out(search, path, FIND_OTHER_NAME, NULL);
		return 0;
	}
	search->candidates[search->count - 1].named = true;
	return 0;
}

/* ---- what is left out in the end ----------------------------------------------------------- */

/* Sets *reason and returns true for one that is not to be done. */
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
	return candidate->part % request->shards != request->shard - 1;
}

/* The first description of a disk counts; *data gets the files of all of them. */
static int collect_data(struct search *search, struct inodes *data, struct bs_error *err)
{
	for (size_t i = 0; i < search->count; i++) {
		struct candidate *candidate = &search->candidates[i];
		bool is_new;

		if (!candidate->described || !candidate->image.was_there)
			continue;
		if (inodes_add(data, &candidate->status, &is_new, err) != 0)
			return -1;
		candidate->described = is_new;
	}
	return 0;
}

/* Moves the images that are to be done to the result. */
static int choose(struct search *search, struct bs_error *err)
{
	struct find_result *result = search->result;
	struct inodes data = {NULL};
	int failed = collect_data(search, &data, err);

	result->images = calloc(search->count + 1, sizeof(*result->images));
	if (failed == 0 && !result->images)
		failed = out_of_memory(err);
	for (size_t i = 0; i < search->count && failed == 0; i++) {
		struct candidate *candidate = &search->candidates[i];
		enum find_reason reason;

		if (is_left_out(search, candidate, &data, &reason)) {
			left_out(search, candidate->image.path, reason, NULL);
			continue;
		}
		result->images[result->count++] = candidate->image;
		candidate->image = (struct find_image){.path = NULL};
	}
	inodes_free(&data);
	return failed;
}

static int look_at_all(struct search *search, struct bs_error *err)
{
	const struct find_request *request = search->request;
	struct walk walk = {
		.follow = request->follow,
		.include = &request->include,
		.exclude = &request->exclude,
		.file = take_file,
		.left_out = left_out,
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
			failed = take_named(search, path, is_there ? &status : NULL, err);
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
	failed = look_at_all(&search, err);
	if (failed == 0)
		failed = choose(&search, err);
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
