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
#include "util/trust.h"

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

/*
 * The real path of a folder, of which the last names need not be there yet: so that what is checked
 * is what is used.  NULL and errno on error.
 */
static char *real_folder(const char *folder)
{
	char *real = realpath(folder, NULL), *above, *real_above = NULL;

	if (real || errno != ENOENT)
		return real;
	above = folder_of(folder);
	if (above)
		real_above =
			real_folder(above); /* ends: a name less each time; the root is there */
	if (real_above && asprintf(&real, "%s%s", strcmp(real_above, "/") == 0 ? "" : real_above,
				   strrchr(folder, '/')) < 0)
		real = NULL;
	free(above);
	free(real_above);
	return real;
}

static char *find_state_folder(void)
{
	char *folder = state_folder();
	char *real = folder ? real_folder(folder) : NULL;

	free(folder);
	return real;
}

static char *find_folder(const struct target *target, const char *undo_directory)
{
	if (undo_directory)
		return realpath(undo_directory, NULL);
	return target->kind == TARGET_FILE ? folder_of(target->name) : find_state_folder();
}

/*
 * Makes a file without a name in the folder, or, if that is not there, in the one above it; `path`
 * is cut to the one that was taken.
 */
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
	int descriptor, result = -1;

	if (!path)
		return fail_memory(err);
	descriptor = open_unnamed(path);
	if (descriptor < 0) {
		fail_system(err, "no file can be made in %s", place->folder);
		if (bs_code_exit(err->code) == BS_EXIT_REFUSED || err->code == BS_NOT_FOUND)
			err->code = BS_UNDO_FOLDER;
		goto out;
	}
	if (trust_check_folder(path, err) == 0)
		result = trust_check_new(descriptor, path, err);
	close(descriptor);
out:
	free(path);
	return result;
}

/*
 * Makes the name of a folder durable.  A folder that was there before may lie in one that this user
 * cannot open; then this user did not make it either.
 */
static int sync_name(const char *path, bool was_there, const struct transaction_io *io,
		     struct bs_error *err)
{
	char *above = folder_of(path);
	int result;

	if (!above)
		return fail_memory(err);
	result = transaction_sync_folder(io, above, err);
	free(above);
	return result < 0 && was_there && err->code == BS_NO_PERMISSION ? 0 : result;
}

/*
 * A process that was killed may have made a folder without making its name durable.  It made none
 * below that, so of the folders that are there it can only be the last one.
 */
static int make_folder(const char *path, const struct transaction_io *io, struct bs_error *err)
{
	char *above;
	int result;

	if (access(path, F_OK) == 0)
		return sync_name(path, true, io, err);
	above = folder_of(path);
	if (!above)
		return fail_memory(err);
	result = make_folder(above, io, err); /* ends: a name less each time; the root is there */
	free(above);
	if (result < 0)
		return -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_system(err, "cannot create folder %s", path);
	return sync_name(path, false, io, err);
}

int place_make_folder(const struct place *place, struct bs_error *err)
{
	if (place->folder_is_given)
		return 0;
	if (make_folder(place->folder, place->target->io, err) < 0)
		return -1;
	/* Somebody else may have made one of them since the folders above were checked. */
	return trust_check_folder(place->folder, err);
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

/*
 * What has the name of a file of ours must be a regular file that can be trusted, if it is there.
 */
static int check_file(const char *what, const char *path, struct bs_error *err)
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
		return trust_check_name(what, path, err);
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

	*place = (struct place){
		.target = target,
		.folder_is_given = undo_directory || target->kind == TARGET_FILE,
	};
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
		fail_memory(err);
		goto out;
	}
	if (check_file("undo file", place->journal, err) == 0 &&
	    check_file("unfinished undo file", place->temporary, err) == 0)
		result = check_file("lock file", place->lock, err);
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
