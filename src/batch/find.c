/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first pass collects candidates; the second pass decides which of them are left out.  Only
 * after the first pass is it known which files are the data of another image.  The shards are
 * applied last, so that all machines divide the same list.
 *
 * Each folder is walked once, so a loop of symbolic links ends.  Only folders are opened.  Memory
 * holds the names of one folder for each level.
 */
#include "batch/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows/location.h"
#include "rows/row.h"
#include "util/crc32c.h"
#include "util/path.h"
#include "util/signals.h"
#include "util/vector.h"

struct candidate {
	struct find_image image;
	uint32_t checksum;  /* of the part of the path that all machines see; selects the shard */
	bool named;         /* on the command line */
	bool described;     /* a description: the image's bytes are in another file */
	struct stat status; /* of the file with the image's bytes; all zeros if there is none */
};

DEFINE_VECTOR(candidates, struct candidate);

struct search {
	const struct find_request *request;
	struct find_result *result;
	void *files, *folders; /* sets of inodes: all that were found so far */
	struct candidates candidates;
};

/* ---- sets of files ------------------------------------------------------------------------- */

/* A set is the root of a tsearch(3) tree of these, so that several names of a file are one file. */
struct inode {
	dev_t device;
	ino_t number;
};

static int inode_compare(const void *one, const void *other)
{
	const struct inode *a = one, *b = other;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return 0;
}

/* Adds a file to a set; *is_new is false if the set has it already. */
static int inodes_add(void **set, const struct stat *status, bool *is_new, struct bs_error *err)
{
	struct inode *inode = malloc(sizeof(*inode));
	struct inode *const *node = NULL;

	if (inode) {
		*inode = (struct inode){status->st_dev, status->st_ino};
		node = tsearch(inode, set, inode_compare);
	}
	*is_new = node && *node == inode;
	if (!*is_new)
		free(inode);
	return node ? 0 : fail_memory(err);
}

static bool inodes_have(void *const *set, const struct stat *status)
{
	const struct inode inode = {status->st_dev, status->st_ino};

	return tfind(&inode, set, inode_compare);
}

/* ---- names of files (without a slash) ------------------------------------------------------ */

/* Letters and digits that rsync appends to .NAME. for its temporary file. */
#define RSYNC_RANDOM 6

/* Undo files, also incomplete ones, and lock files. */
static const char *const our_endings[] = {BS_UNDO_SUFFIX, BS_UNDO_SUFFIX ".tmp", ".bootshift-lock",
					  NULL};

/* The temporary names that browsers and file managers use until a copy is complete. */
static const char *const copying_endings[] = {".part",     ".partial", ".filepart", ".crdownload",
					      ".download", ".tmp",     NULL};

#define ENDINGS(id, driver, title, ...) __VA_ARGS__,
static const char *const image_endings[] = {BS_FORMATS(ENDINGS) ".qed", ".hdd", NULL};
#undef ENDINGS

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

/* ".NAME.XXXXXX" */
static bool name_is_of_rsync(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789";
	const char *random = strrchr(name, '.');

	return name[0] == '.' && random > name + 1 && strlen(random + 1) == RSYNC_RANDOM &&
	       strspn(random + 1, letters) == RSYNC_RANDOM;
}

/* ---- candidates ---------------------------------------------------------------------------- */

/* Counts a file or folder that is left out.  Returns 0. */
static int find_leave_out(const struct search *search, const char *path, enum find_reason reason,
			  const struct bs_error *error)
{
	const char *name = path_name(path);
	bool unexpected = reason == FIND_UNREADABLE || reason == FIND_MISSING ||
			  reason == FIND_PACKED ||
			  (reason == FIND_NOT_AN_IMAGE && name_ends_with(name, image_endings));

	search->result->left_out[reason]++;
	if (unexpected && search->request->unexpected)
		search->request->unexpected(search->request->context, path, reason, error);
	return 0;
}

void find_free_image(struct find_image *image)
{
	free(image->path);
	free(image->location);
	free(image->file);
	free(image->undo_directory);
}

/* `common` is the part of the path that is the same on all machines that share a batch. */
static int find_add_candidate(struct search *search, const char *path, const char *common,
			      const struct bs_recognition *recognition, bool is_uri,
			      struct bs_error *err)
{
	struct candidate *candidate = candidates_add(&search->candidates, err);
	struct find_image *image;

	if (!candidate)
		return -1;
	image = &candidate->image;
	image->path = strdup(path);
	image->location = is_uri ? strdup(path) : location_of(path);
	candidate->checksum = crc32c(0, common, strlen(common));
	if (!image->path || !image->location)
		return fail_memory(err);
	if (is_uri)
		return 0;
	candidate->described = recognition->data_file[0] != '\0';
	image->file = candidate->described ? path_beside(image->location, recognition->data_file)
					   : strdup(image->location);
	if (!image->file)
		return fail_memory(err);
	image->was_there = row_stat(image->file, &image->size, &image->modified);
	if (stat(image->file, &candidate->status) < 0)
		candidate->status = (struct stat){.st_ino = 0};
	if (bs_relations_look(search->request->relations, image->path, err) < 0)
		return -1;
	return bs_relations_look(search->request->relations, image->location, err);
}

/*
 * The file may also be a data file of an image.  Most data files have no magic, so the descriptions
 * in the folder have to be read.
 */
static int find_leave_out_content(struct search *search, const char *path,
				  const struct bs_error *why, struct bs_error *err)
{
	struct bs_relations *relations = search->request->relations;
	enum find_reason reason = FIND_NOT_AN_IMAGE;

	if (name_ends_with(path_name(path), image_endings)) {
		if (bs_relations_look(relations, path, err) < 0)
			return -1;
		if (bs_relations_whole(relations, path))
			reason = FIND_DATA_FILE;
	}
	return find_leave_out(search, path, reason, why);
}

/* Whether a file was recognised as an archive or as a compressed file. */
static bool find_is_packed(enum bs_code code)
{
	static const enum bs_code codes[] = {BS_PACKED_GZIP, BS_PACKED_BZIP2,     BS_PACKED_XZ,
					     BS_PACKED_ZSTD, BS_PACKED_ZIP,       BS_PACKED_7Z,
					     BS_PACKED_TAR,  BS_CONTAINER_CORRUPT};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Adds a regular file in a folder; `below` is its path below the folder of the command line. */
static int find_add_file(struct search *search, const char *path, const char *below,
			 const struct stat *status, struct bs_error *err)
{
	const char *name = path_name(path);
	struct bs_recognition recognition;
	struct bs_error reason;
	bool is_new;

	if (name_ends_with(name, our_endings))
		return find_leave_out(search, path, FIND_OURS, NULL);
	if (name_ends_with(name, copying_endings) || name_is_of_rsync(name))
		return find_leave_out(search, path, FIND_HALF_COPIED, NULL);
	if (inodes_add(&search->files, status, &is_new, err) < 0)
		return -1;
	if (!is_new)
		return find_leave_out(search, path, FIND_OTHER_NAME, NULL);
	/* A file that cannot be read counts as an image: the fix will report the error. */
	if (bs_recognise(path, &recognition, &reason) != BS_EXIT_DONE) {
		if (reason.code == BS_NOT_AN_IMAGE)
			return find_leave_out_content(search, path, &reason, err);
		if (find_is_packed(reason.code))
			return find_leave_out(search, path, FIND_PACKED, &reason);
	}
	return find_add_candidate(search, path, below, &recognition, false, err);
}

/*
 * Whether another candidate has the location of the last candidate.  Needed for exports, which have
 * no inode.
 */
static bool find_last_is_repeated(const struct candidates *candidates)
{
	const char *location = candidates->items[candidates->count - 1].image.location;

	for (size_t i = 0; i + 1 < candidates->count; i++)
		if (strcmp(candidates->items[i].image.location, location) == 0)
			return true;
	return false;
}

/* ---- patterns ------------------------------------------------------------------------------ */

/* Whether a pattern matches a path below a folder.  Also marks the patterns that match in `used`. */
static bool patterns_match(const struct find_patterns *patterns, const char *below, bool *used)
{
	bool matches = false;

	for (size_t i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->text[i], below, 0) == 0)
			matches = used[i] = true;
	return matches;
}

/* Without "./" and "../" at its start: a pattern for hidden files is not meant for these. */
static const char *patterns_skip_dots(const char *path)
{
	while (path[0] == '.' && (path[1] == '/' || (path[1] == '.' && path[2] == '/')))
		path += path[1] == '/' ? 2 : 3; /* ends with the path */
	return path;
}

/* The same for a file that the command line names: its path as given, and its name. */
static bool patterns_match_named(const struct find_patterns *patterns, const char *path, bool *used)
{
	bool matches = false;

	for (size_t i = 0; i < patterns->count; i++) {
		const char *pattern = patterns->text[i];
		bool dots = patterns_skip_dots(pattern) != pattern;

		if (fnmatch(pattern, dots ? path : patterns_skip_dots(path), 0) == 0 ||
		    fnmatch(pattern, path_name(path), 0) == 0)
			matches = used[i] = true;
	}
	return matches;
}

/* Whether the patterns exclude a file that the command line names. */
static bool patterns_exclude_named(const struct search *search, const char *path)
{
	const struct find_request *request = search->request;
	struct find_result *result = search->result;

	if (patterns_match_named(&request->exclude, path, result->exclude_used))
		return true;
	return request->include.count > 0 &&
	       !patterns_match_named(&request->include, path, result->include_used);
}

/* ---- arguments ----------------------------------------------------------------------------- */

/* A name that leads to nothing is an error of the command line, and not an image that failed. */
static int find_leave_out_missing(const struct search *search, const char *path)
{
	struct bs_error error;

	fail(&error, BS_NOT_FOUND, "there is no such file or folder");
	return find_leave_out(search, path, FIND_MISSING, &error);
}

static bool find_is_missing(const char *path)
{
	struct stat status;

	return !strstr(path, "://") && stat(path, &status) < 0 &&
	       (errno == ENOENT || errno == ENOTDIR);
}

/* Adds an argument that is not a folder; `status` is NULL if it is not in the file system. */
static int find_add_named(struct search *search, const char *path, const struct stat *status,
			  struct bs_error *err)
{
	struct candidates *candidates = &search->candidates;
	struct bs_recognition recognition;
	struct bs_error ignored;
	bool recognised, is_new = true;

	if (find_is_missing(path))
		return find_leave_out_missing(search, path);
	if (patterns_exclude_named(search, path))
		return find_leave_out(search, path, FIND_EXCLUDED, NULL);
	recognised = bs_recognise(path, &recognition, &ignored) == BS_EXIT_DONE;
	if (status && inodes_add(&search->files, status, &is_new, err) < 0)
		return -1;
	if (!is_new)
		return find_leave_out(search, path, FIND_OTHER_NAME, NULL);
	if (find_add_candidate(search, path, location_name(path), &recognition,
			       recognised && !status, err) < 0)
		return -1;
	if (!status && find_last_is_repeated(candidates)) {
		find_free_image(&candidates->items[--candidates->count].image);
		return find_leave_out(search, path, FIND_OTHER_NAME, NULL);
	}
	candidates->items[candidates->count - 1].named = true;
	return 0;
}

/* ---- the walk through folders -------------------------------------------------------------- */

struct folder_entry {
	char *name;
	struct stat status;
};

DEFINE_VECTOR(entries, struct folder_entry);

/* One of the nested folders that are being walked. */
struct level {
	DIR *stream;
	const char *path;
	size_t below; /* in paths of entries: offset of the part below the folder of the command line */
	struct entries entries;
};

/* A search may take long, and no image has been begun: so a signal ends it at once. */
static int walk_check_interruption(struct bs_error *err)
{
	return signals_stop_pending() ? fail(err, BS_INTERRUPTED, "interrupted by a signal") : 0;
}

static int walk_unreadable(const struct search *search, const char *path)
{
	bool forbidden = errno == EACCES || errno == EPERM;
	struct bs_error error;

	fail_errno(&error, forbidden ? BS_NO_PERMISSION : BS_IO, "the folder cannot be read");
	return find_leave_out(search, path, FIND_UNREADABLE, &error);
}

/* Folder names compare as if they ended with a slash, so that whole paths are in order. */
static int entry_letter(const struct folder_entry *entry, size_t index)
{
	if (entry->name[index] == '\0' && S_ISDIR(entry->status.st_mode))
		return '/';
	return (unsigned char)entry->name[index];
}

static int entry_compare(const void *one, const void *other)
{
	const struct folder_entry *a = one, *b = other;
	size_t same = 0;

	while (a->name[same] != '\0' && a->name[same] == b->name[same])
		same++;
	return entry_letter(a, same) - entry_letter(b, same);
}

/* For a symbolic link that leads nowhere or is not followed: the status of the link itself. */
static bool level_stat(const struct level *level, const char *name, bool follow,
		       struct stat *status)
{
	struct stat target;

	if (fstatat(dirfd(level->stream), name, status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISLNK(status->st_mode) && follow &&
	    fstatat(dirfd(level->stream), name, &target, 0) == 0)
		*status = target;
	return true;
}

/* The loop ends because each turn reads one entry. */
static int level_read(const struct search *search, struct level *level, struct bs_error *err)
{
	const struct dirent *found;
	struct folder_entry entry;

	while (errno = 0, (found = readdir(level->stream))) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		if (walk_check_interruption(err) < 0)
			return -1;
		/* An entry that has been removed meanwhile is left out. */
		if (!level_stat(level, found->d_name, search->request->follow, &entry.status))
			continue;
		if (entries_reserve(&level->entries, 1, err) < 0)
			return -1;
		entry.name = strdup(found->d_name);
		if (!entry.name)
			return fail_memory(err);
		level->entries.items[level->entries.count++] = entry;
	}
	if (errno != 0)
		walk_unreadable(search, level->path);
	if (level->entries.count > 0)
		qsort(level->entries.items, level->entries.count, sizeof(entry), entry_compare);
	return 0;
}

static void level_close(struct level *level)
{
	for (size_t i = 0; i < level->entries.count; i++)
		free(level->entries.items[i].name);
	entries_free(&level->entries);
	closedir(level->stream);
}

static int walk_folder(struct search *search, int parent, const char *name, int flags,
		       struct level level, struct bs_error *err);

static int walk_entry(struct search *search, const struct level *level,
		      const struct folder_entry *entry, const char *path, struct bs_error *err)
{
	const struct find_request *request = search->request;
	const char *below = path + level->below;
	mode_t mode = entry->status.st_mode;

	if (patterns_match(&request->exclude, below, search->result->exclude_used))
		return find_leave_out(search, path, FIND_EXCLUDED, NULL);
	if (S_ISDIR(mode))
		return walk_folder(search, dirfd(level->stream), entry->name,
				   request->follow ? 0 : O_NOFOLLOW,
				   (struct level){.path = path, .below = level->below}, err);
	if (request->include.count > 0 &&
	    !patterns_match(&request->include, below, search->result->include_used))
		return find_leave_out(search, path, FIND_EXCLUDED, NULL);
	if (S_ISREG(mode))
		return find_add_file(search, path, below, &entry->status, err);
	return find_leave_out(search, path, S_ISLNK(mode) ? FIND_LINK : FIND_NOT_A_FILE, NULL);
}

static bool walk_ends_with_slash(const char *path)
{
	size_t length = strlen(path);

	return length > 0 && path[length - 1] == '/';
}

static int walk_entries(struct search *search, const struct level *level, struct bs_error *err)
{
	const char *slash = walk_ends_with_slash(level->path) ? "" : "/";
	int result = 0;

	for (size_t i = 0; i < level->entries.count && result == 0; i++) {
		const struct folder_entry *entry = &level->entries.items[i];
		char *path;

		if (walk_check_interruption(err) < 0)
			return -1;
		if (asprintf(&path, "%s%s%s", level->path, slash, entry->name) < 0)
			return fail_memory(err);
		result = walk_entry(search, level, entry, path, err);
		free(path);
	}
	return result;
}

/* Walks the folder `name` in the folder `parent`; `level` has its path. */
static int walk_folder(struct search *search, int parent, const char *name, int flags,
		       struct level level, struct bs_error *err)
{
	int descriptor =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags);
	struct stat status;
	bool is_new;
	int result;

	if (descriptor < 0)
		return walk_unreadable(search, level.path);
	level.stream = fdopendir(descriptor);
	if (!level.stream || fstat(descriptor, &status) < 0) {
		walk_unreadable(search, level.path);
		if (level.stream)
			closedir(level.stream);
		else
			close(descriptor);
		return 0;
	}
	result = inodes_add(&search->folders, &status, &is_new, err);
	if (result == 0 && !is_new)
		find_leave_out(search, level.path, FIND_OTHER_NAME, NULL);
	if (result == 0 && is_new)
		result = level_read(search, &level, err);
	if (result == 0)
		result = walk_entries(search, &level, err);
	level_close(&level);
	return result;
}

/* Walks a folder that the command line names; `path` may be a symbolic link. */
static int walk_argument(struct search *search, const char *path, struct bs_error *err)
{
	const struct level level = {.path = path,
				    .below = strlen(path) + !walk_ends_with_slash(path)};
	const struct find_request *request = search->request;
	uint64_t left_out[FIND_REASON_COUNT], *now = search->result->left_out;
	size_t candidates = search->candidates.count;

	memcpy(left_out, now, sizeof(left_out));
	if (walk_folder(search, AT_FDCWD, path, 0, level, err) < 0)
		return -1;
	for (size_t i = 0; i < FIND_REASON_COUNT; i++)
		left_out[i] = now[i] - left_out[i];
	if (request->barren && search->candidates.count == candidates &&
	    left_out[FIND_UNREADABLE] + left_out[FIND_OTHER_NAME] == 0)
		request->barren(request->context, path, left_out);
	return 0;
}

static int find_search_arguments(struct search *search, struct bs_error *err)
{
	const struct find_request *request = search->request;
	int failed = 0;

	for (int i = 0; i < request->count && failed == 0; i++) {
		const char *path = request->arguments[i];
		struct stat status;
		bool is_there = stat(path, &status) == 0;

		if (is_there && S_ISDIR(status.st_mode))
			failed = walk_argument(search, path, err);
		else
			failed = find_add_named(search, path, is_there ? &status : NULL, err);
	}
	return failed;
}

/* ---- choosing ------------------------------------------------------------------------------ */

/*
 * Whether the candidate is a data file that only a folder has, or a data file of an image of the
 * batch: a shell names all files of a disk for `*.vmdk`.
 */
static bool find_is_part(const struct search *search, const struct candidate *candidate)
{
	const char *whole = bs_relations_whole(search->request->relations, candidate->image.path);
	struct stat status;

	return whole && (!candidate->named ||
			 (stat(whole, &status) == 0 && inodes_have(&search->files, &status)));
}

/* `data` has the data files of all descriptions. */
static bool find_is_left_out(const struct search *search, const struct candidate *candidate,
			     void *const *data, enum find_reason *reason)
{
	const struct find_request *request = search->request;

	*reason = FIND_DATA_FILE;
	if (!candidate->described && candidate->image.was_there &&
	    inodes_have(data, &candidate->status))
		return true;
	if (find_is_part(search, candidate))
		return true;
	*reason = FIND_OTHER_SHARD;
	return candidate->checksum % request->shards != request->shard - 1;
}

/*
 * Adds the data files of all descriptions to *data.  If two descriptions name one data file, only
 * the first stays a description: the second is left out as a data file.
 */
static int find_collect_data_files(struct search *search, void **data, struct bs_error *err)
{
	for (size_t i = 0; i < search->candidates.count; i++) {
		struct candidate *candidate = &search->candidates.items[i];
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
static int find_choose_images(struct search *search, struct bs_error *err)
{
	struct find_result *result = search->result;
	void *data = NULL;
	int failed = find_collect_data_files(search, &data, err);

	result->images = calloc(search->candidates.count + 1, sizeof(*result->images));
	if (failed == 0 && !result->images)
		failed = fail_memory(err);
	for (size_t i = 0; i < search->candidates.count && failed == 0; i++) {
		struct candidate *candidate = &search->candidates.items[i];
		enum find_reason reason;

		if (find_is_left_out(search, candidate, &data, &reason)) {
			find_leave_out(search, candidate->image.path, reason, NULL);
			continue;
		}
		result->images[result->count++] = candidate->image;
		candidate->image = (struct find_image){.path = NULL};
	}
	tdestroy(data, free);
	return failed;
}

int find_images(const struct find_request *request, struct find_result *result,
		struct bs_error *err)
{
	struct search search = {.request = request, .result = result};
	int failed;

	*result = (struct find_result){.images = NULL};
	failed = find_search_arguments(&search, err);
	result->candidates = search.candidates.count;
	if (failed == 0)
		failed = find_choose_images(&search, err);
	for (size_t i = 0; i < search.candidates.count; i++)
		find_free_image(&search.candidates.items[i].image);
	candidates_free(&search.candidates);
	tdestroy(search.files, free);
	tdestroy(search.folders, free);
	return failed;
}

void find_drop_done(struct find_result *result)
{
	size_t kept = 0;

	for (size_t i = 0; i < result->count; i++) {
		if (result->images[i].done)
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
