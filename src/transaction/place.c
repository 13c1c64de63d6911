/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the names of a transaction's files; see place.h. */
#include "transaction/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/file.h"
#include "transaction/journal.h"

#define STATE_DIRECTORY "bootshift"
#define NAME_MAX_LENGTH 120 /* of a name made of an identity; leaves room for what is added */

const char *place_image_name(const struct place *place)
{
	const struct target *target = place->target;

	if (target->kind != TARGET_FILE)
		return target->name;
	return strrchr(target->name, '/') + 1; /* a real path is absolute */
}

/* ---- the folder ----------------------------------------------------------------------------- */

static char *folder_of(const char *path)
{
	size_t length = (size_t)(strrchr(path, '/') - path);

	return strndup(path, length > 0 ? length : 1);
}

/* As in the XDG base directory specification: a relative path does not count. */
static char *state_folder(void)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");
	char *folder;
	int made;

	if (state && state[0] == '/')
		made = asprintf(&folder, "%s/" STATE_DIRECTORY, state);
	else if (geteuid() == 0 || !home || home[0] != '/')
		made = asprintf(&folder, "/var/lib/" STATE_DIRECTORY);
	else
		made = asprintf(&folder, "%s/.local/state/" STATE_DIRECTORY, home);
	return made < 0 ? NULL : folder;
}

static char *find_folder(const struct target *target, const char *undo_directory)
{
	if (undo_directory)
		return realpath(undo_directory, NULL);
	return target->kind == TARGET_FILE ? folder_of(target->name) : state_folder();
}

/* Makes a file without a name in the folder, or, if that is not there, in the one above it. */
static int open_unnamed(char *path)
{
	int descriptor;

	while ((descriptor = file_open_unnamed(path)) < 0 && errno == ENOENT &&
	       access(path, F_OK) < 0) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0'; /* ends: the root is there */
	}
	return descriptor;
}

int place_check_folder(const struct place *place, struct bs_error *err)
{
	char *path = strdup(place->folder);
	int descriptor;

	if (!path)
		return fail(err, BS_NO_MEMORY, "out of memory");
	descriptor = open_unnamed(path);
	free(path);
	if (descriptor >= 0) {
		close(descriptor);
		return 0;
	}
	fail_system(err, "no file can be made in %s", place->folder);
	if (bs_code_exit(err->code) == BS_EXIT_REFUSED || err->code == BS_NOT_FOUND)
		err->code = BS_UNDO_FOLDER;
	return -1;
}

int place_make_folder(const struct place *place, struct bs_error *err)
{
	char *path = NULL;
	int result = 0;

	if (access(place->folder, F_OK) == 0)
		return 0;
	path = strdup(place->folder);
	if (!path)
		return fail(err, BS_NO_MEMORY, "out of memory");
	for (char *end = path; end && result == 0;) { /* each turn goes one name further */
		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			result = fail_system(err, "cannot create folder %s", path);
		if (end)
			*end = '/';
	}
	free(path);
	return result;
}

/* ---- the names ------------------------------------------------------------------------------ */

/* What a person can recognize a device or an export by: its identity, as far as a name goes. */
static void readable_name(const char *identity, char name[NAME_MAX_LENGTH + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	const char *from = identity + strspn(identity, "/");

	snprintf(name, NAME_MAX_LENGTH + 1, "%s", from);
	for (char *c = name + strspn(name, allowed); *c; c += strspn(c, allowed))
		*c = '_';
}

/* The common beginning of the three names; the caller frees it. */
static char *name_stem(const struct place *place, const char *identity, const char *undo_directory)
{
	char readable[NAME_MAX_LENGTH + 1];
	const char *name = place_image_name(place);
	uint8_t hash[JOURNAL_HASH_SIZE];
	char *stem;

	if (place->target->kind == TARGET_FILE && !undo_directory)
		return strdup(place->target->name);
	if (place->target->kind != TARGET_FILE) {
		readable_name(identity, readable);
		name = readable;
	}
	journal_hash((const uint8_t *)identity, strlen(identity), hash);
	if (asprintf(&stem, "%s/%s-%02x%02x%02x%02x", place->folder, name, hash[0], hash[1],
		     hash[2], hash[3]) < 0)
		return NULL;
	return stem;
}

/* stem + suffix, or NULL; the caller frees it. */
static char *join(const char *stem, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", stem, suffix) < 0 ? NULL : name;
}

/* What has the name of a file of ours must be a regular file, if it is there. */
static int check_file(const char *path, struct bs_error *err)
{
	struct stat stat;

	if (lstat(path, &stat) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno == ENAMETOOLONG)
			return fail(err, BS_NAME_TOO_LONG, "the name %s is too long",
				    strrchr(path, '/') + 1);
		return fail_system(err, "cannot look at %s", path);
	}
	if (S_ISREG(stat.st_mode))
		return 0;
	return fail(err, BS_UNDO_FILE_UNUSABLE, "%s is %s", path,
		    S_ISLNK(stat.st_mode)   ? "a symbolic link"
		    : S_ISDIR(stat.st_mode) ? "a folder"
					    : "no regular file");
}

int place_find(const struct target *target, const char *undo_directory, struct place *place,
	       struct bs_error *err)
{
	char *identity = target_identity(target), *stem = NULL;
	int result = -1;

	*place = (struct place){.target = target};
	place->folder = find_folder(target, undo_directory);
	if (!place->folder) {
		fail_system(err, "cannot find the folder of the undo file");
		goto out;
	}
	stem = identity ? name_stem(place, identity, undo_directory) : NULL;
	if (stem) {
		place->journal = join(stem, BS_UNDO_SUFFIX);
		place->temporary = join(stem, BS_UNDO_SUFFIX ".tmp");
		place->lock = join(stem, ".bootshift-lock");
	}
	if (!place->journal || !place->temporary || !place->lock) {
		fail(err, BS_NO_MEMORY, "out of memory");
		goto out;
	}
	if (check_file(place->journal, err) == 0 && check_file(place->temporary, err) == 0)
		result = check_file(place->lock, err);
out:
	free(identity);
	free(stem);
	return result;
}

void place_free(struct place *place)
{
	free(place->folder);
	free(place->journal);
	free(place->temporary);
	free(place->lock);
	*place = (struct place){0};
}
