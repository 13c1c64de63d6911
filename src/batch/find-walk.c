/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch/find-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/interruption.h"

struct entry {
	char *name;
	struct stat status;
};

/* A folder that is being walked, and those above it. */
struct level {
	DIR *stream;
	const char *path; /* up to and without the slash */
	size_t below;     /* where in the paths of its entries the part below the root begins */
	struct entry *entries;
	size_t count, room;
};

static int out_of_memory(struct bs_error *err)
{
	return fail(err, BS_NO_MEMORY, "out of memory");
}

/* Whether to stop: a search may last, and nothing has been begun. */
static int check_interruption(struct bs_error *err)
{
	return interruption_pending() ? fail(err, BS_INTERRUPTED, "interrupted by a signal") : 0;
}

static void unreadable(const struct walk *walk, const char *path)
{
	bool forbidden = errno == EACCES || errno == EPERM;
	struct bs_error error;

	fail_errno(&error, forbidden ? BS_NO_PERMISSION : BS_IO, "the folder cannot be read");
	walk->left_out(walk->context, path, FIND_UNREADABLE, &error);
}

static bool matches(const struct find_patterns *patterns, const char *below)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->text[i], below, 0) == 0)
			return true;
	return false;
}

/* ---- one folder's names -------------------------------------------------------------------- */

/* Of a name, which for a folder ends with a slash: so paths come out in order. */
static int letter(const struct entry *entry, size_t index)
{
	if (entry->name[index] == '\0' && S_ISDIR(entry->status.st_mode))
		return '/';
	return (unsigned char)entry->name[index];
}

static int compare(const void *one, const void *other)
{
	const struct entry *a = one, *b = other;
	size_t same = 0;

	while (a->name[same] != '\0' && a->name[same] == b->name[same])
		same++;
	return letter(a, same) - letter(b, same);
}

static int add_entry(struct level *level, const char *name, const struct stat *status,
		     struct bs_error *err)
{
	if (level->count == level->room) {
		size_t room = level->room > 0 ? 2 * level->room : 64;
		struct entry *entries = realloc(level->entries, room * sizeof(*entries));

		if (!entries)
			return out_of_memory(err);
		level->entries = entries;
		level->room = room;
	}
	level->entries[level->count].name = strdup(name);
	if (!level->entries[level->count].name)
		return out_of_memory(err);
	level->entries[level->count++].status = *status;
	return 0;
}

/* A link that leads nowhere, or is not to be followed, keeps its own status. */
static int look(const struct walk *walk, const struct level *level, const char *name,
		struct stat *status)
{
	int folder = dirfd(level->stream);

	if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (S_ISLNK(status->st_mode) && walk->follow) {
		struct stat target;

		if (fstatat(folder, name, &target, 0) == 0)
			*status = target;
	}
	return 0;
}

/* Ends with the stream: each turn takes an entry of it. */
static int read_names(const struct walk *walk, struct level *level, struct bs_error *err)
{
	const struct dirent *found;
	struct stat status;

	while (errno = 0, (found = readdir(level->stream)) != NULL) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		if (check_interruption(err) != 0)
			return -1;
		/* What has vanished since is not in the folder. */
		if (look(walk, level, found->d_name, &status) == 0 &&
		    add_entry(level, found->d_name, &status, err) != 0)
			return -1;
	}
	if (errno != 0)
		unreadable(walk, level->path);
	if (level->count > 0)
		qsort(level->entries, level->count, sizeof(*level->entries), compare);
	return 0;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int walk_stream(struct walk *walk, int descriptor, const char *path, size_t below,
		       struct bs_error *err);

static int enter(struct walk *walk, const struct level *level, const struct entry *entry,
		 const char *path, struct bs_error *err)
{
	int flags =
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (walk->follow ? 0 : O_NOFOLLOW);
	int descriptor = openat(dirfd(level->stream), entry->name, flags);

	if (descriptor < 0) {
		unreadable(walk, path);
		return 0;
	}
	return walk_stream(walk, descriptor, path, level->below, err);
}

static int show(struct walk *walk, const struct level *level, const struct entry *entry,
		const char *path, struct bs_error *err)
{
	const char *below = path + level->below;
	mode_t mode = entry->status.st_mode;

	if (matches(walk->exclude, below))
		walk->left_out(walk->context, path, FIND_EXCLUDED, NULL);
	else if (S_ISDIR(mode))
		return enter(walk, level, entry, path, err);
	else if (walk->include->count > 0 && !matches(walk->include, below))
		walk->left_out(walk->context, path, FIND_EXCLUDED, NULL);
	else if (S_ISREG(mode))
		return walk->file(walk->context, path, below, &entry->status, err);
	else
		walk->left_out(walk->context, path, S_ISLNK(mode) ? FIND_LINK : FIND_NOT_A_FILE,
			       NULL);
	return 0;
}

static bool ends_with_slash(const char *path)
{
	size_t length = strlen(path);

	return length > 0 && path[length - 1] == '/';
}

static int show_all(struct walk *walk, const struct level *level, struct bs_error *err)
{
	const char *slash = ends_with_slash(level->path) ? "" : "/";
	int result = 0;

	for (size_t i = 0; i < level->count && result == 0; i++) {
		char *path;

		if (check_interruption(err) != 0)
			return -1;
		if (asprintf(&path, "%s%s%s", level->path, slash, level->entries[i].name) < 0)
			return out_of_memory(err);
		result = show(walk, level, &level->entries[i], path, err);
		free(path);
	}
	return result;
}

static void end_level(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		free(level->entries[i].name);
	free(level->entries);
	closedir(level->stream);
}

/* Takes over the descriptor of a folder. */
static int walk_stream(struct walk *walk, int descriptor, const char *path, size_t below,
		       struct bs_error *err)
{
	struct level level = {.path = path, .below = below};
	struct stat status;
	bool is_new;
	int result;

	level.stream = fdopendir(descriptor);
	if (!level.stream || fstat(descriptor, &status) != 0) {
		unreadable(walk, path);
		if (level.stream)
			closedir(level.stream);
		else
			close(descriptor);
		return 0;
	}
	result = inodes_add(&walk->folders, &status, &is_new, err);
	if (result == 0 && !is_new)
		walk->left_out(walk->context, path, FIND_OTHER_NAME, NULL);
	if (result == 0 && is_new)
		result = read_names(walk, &level, err);
	if (result == 0)
		result = show_all(walk, &level, err);
	end_level(&level);
	return result;
}

int walk_folder(struct walk *walk, const char *path, struct bs_error *err)
{
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (descriptor < 0) {
		unreadable(walk, path);
		return 0;
	}
	return walk_stream(walk, descriptor, path, strlen(path) + !ends_with_slash(path), err);
}

void walk_end(struct walk *walk)
{
	inodes_free(&walk->folders);
}
