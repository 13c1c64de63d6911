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

#include "util/signals.h"

struct entry {
	char *name;
	struct stat status;
};

/* One of the nested folders that are being walked. */
struct level {
	DIR *stream;
	const char *path;
	size_t below; /* in paths of entries: offset of the part below the folder of the command line */
	struct entry *entries;
	size_t count, capacity;
};

/* A search may take long, and no image has been begun: so a signal ends it at once. */
static int walk_check_interruption(struct bs_error *err)
{
	return signals_stop_pending() ? fail(err, BS_INTERRUPTED, "interrupted by a signal") : 0;
}

static void walk_unreadable(const struct walk *walk, const char *path)
{
	bool forbidden = errno == EACCES || errno == EPERM;
	struct bs_error error;

	fail_errno(&error, forbidden ? BS_NO_PERMISSION : BS_IO, "the folder cannot be read");
	walk->left_out(walk->context, path, FIND_UNREADABLE, &error);
}

static bool walk_matches(const struct find_patterns *patterns, const char *below)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->text[i], below, 0) == 0)
			return true;
	return false;
}

/* ---- the entries of one folder ------------------------------------------------------------- */

/* Names of folders compare as if they ended with a slash: so whole paths come out in order. */
static int entry_letter(const struct entry *entry, size_t index)
{
	if (entry->name[index] == '\0' && S_ISDIR(entry->status.st_mode))
		return '/';
	return (unsigned char)entry->name[index];
}

static int compare_entries(const void *one, const void *other)
{
	const struct entry *a = one, *b = other;
	size_t same = 0;

	while (a->name[same] != '\0' && a->name[same] == b->name[same])
		same++;
	return entry_letter(a, same) - entry_letter(b, same);
}

static int level_add_entry(struct level *level, const char *name, const struct stat *status,
			   struct bs_error *err)
{
	if (level->count == level->capacity) {
		size_t capacity = level->capacity > 0 ? 2 * level->capacity : 64;
		struct entry *entries = reallocarray(level->entries, capacity, sizeof(*entries));

		if (!entries)
			return fail_memory(err);
		level->entries = entries;
		level->capacity = capacity;
	}
	level->entries[level->count].name = strdup(name);
	if (!level->entries[level->count].name)
		return fail_memory(err);
	level->entries[level->count++].status = *status;
	return 0;
}

/* For a symbolic link that leads nowhere or is not followed: the status of the link itself. */
static int walk_stat(const struct walk *walk, const struct level *level, const char *name,
		     struct stat *status)
{
	int folder = dirfd(level->stream);

	if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISLNK(status->st_mode) && walk->follow) {
		struct stat target;

		if (fstatat(folder, name, &target, 0) == 0)
			*status = target;
	}
	return 0;
}

/* The loop ends because each turn reads one entry. */
static int level_read_entries(const struct walk *walk, struct level *level, struct bs_error *err)
{
	const struct dirent *found;
	struct stat status;

	while (errno = 0, (found = readdir(level->stream))) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		if (walk_check_interruption(err) < 0)
			return -1;
		/* An entry that has been removed meanwhile is left out. */
		if (walk_stat(walk, level, found->d_name, &status) == 0 &&
		    level_add_entry(level, found->d_name, &status, err) < 0)
			return -1;
	}
	if (errno != 0)
		walk_unreadable(walk, level->path);
	if (level->count > 0)
		qsort(level->entries, level->count, sizeof(*level->entries), compare_entries);
	return 0;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int walk_stream(struct walk *walk, int descriptor, const char *path, size_t below,
		       struct bs_error *err);

static int walk_enter(struct walk *walk, const struct level *level, const struct entry *entry,
		      const char *path, struct bs_error *err)
{
	int flags =
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (walk->follow ? 0 : O_NOFOLLOW);
	int descriptor = openat(dirfd(level->stream), entry->name, flags);

	if (descriptor < 0) {
		walk_unreadable(walk, path);
		return 0;
	}
	return walk_stream(walk, descriptor, path, level->below, err);
}

static int walk_entry(struct walk *walk, const struct level *level, const struct entry *entry,
		      const char *path, struct bs_error *err)
{
	const char *below = path + level->below;
	mode_t mode = entry->status.st_mode;

	if (walk_matches(walk->exclude, below))
		walk->left_out(walk->context, path, FIND_EXCLUDED, NULL);
	else if (S_ISDIR(mode))
		return walk_enter(walk, level, entry, path, err);
	else if (walk->include->count > 0 && !walk_matches(walk->include, below))
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

static int walk_entries(struct walk *walk, const struct level *level, struct bs_error *err)
{
	const char *slash = ends_with_slash(level->path) ? "" : "/";
	int result = 0;

	for (size_t i = 0; i < level->count && result == 0; i++) {
		char *path;

		if (walk_check_interruption(err) < 0)
			return -1;
		if (asprintf(&path, "%s%s%s", level->path, slash, level->entries[i].name) < 0)
			return fail_memory(err);
		result = walk_entry(walk, level, &level->entries[i], path, err);
		free(path);
	}
	return result;
}

static void level_close(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		free(level->entries[i].name);
	free(level->entries);
	closedir(level->stream);
}

/* Owns the descriptor of the folder. */
static int walk_stream(struct walk *walk, int descriptor, const char *path, size_t below,
		       struct bs_error *err)
{
	struct level level = {.path = path, .below = below};
	struct stat status;
	bool is_new;
	int result;

	level.stream = fdopendir(descriptor);
	if (!level.stream || fstat(descriptor, &status) < 0) {
		walk_unreadable(walk, path);
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
		result = level_read_entries(walk, &level, err);
	if (result == 0)
		result = walk_entries(walk, &level, err);
	level_close(&level);
	return result;
}

int walk_folder(struct walk *walk, const char *path, struct bs_error *err)
{
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (descriptor < 0) {
		walk_unreadable(walk, path);
		return 0;
	}
	return walk_stream(walk, descriptor, path, strlen(path) + !ends_with_slash(path), err);
}

void walk_end(struct walk *walk)
{
	inodes_free(&walk->folders);
}
