/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the paths of a transaction's files; see place.h. */
#include "transaction/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transaction/journal.h"
#include "util/io.h"
#include "util/path.h"
#include "util/size.h"
#include "util/trust.h"

#define STATE_DIRECTORY "bootshift"
#define NAME_MAX_LENGTH 120 /* of a name from an identity; leaves room for hash and suffix */

const char *place_image_name(const struct place *place)
{
	const struct target *target = place->target;

	return target->kind == TARGET_FILE ? path_name(target->name) : target->name;
}

/* ---- the folder ----------------------------------------------------------------------------- */

/* As in the XDG base directory specification: a relative path is ignored. */
static char *place_state_folder(void)
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
 * The real path of a folder, the last parts of which need not exist yet, so that the folders that
 * are checked are those that are used.  NULL and errno on error.
 */
static char *place_real_folder(const char *folder)
{
	char *real = realpath(folder, NULL), *above, *real_above = NULL;

	if (real || errno != ENOENT)
		return real;
	above = path_folder(folder);
	if (above) /* ends: the path gets shorter, and "/" exists */
		real_above = place_real_folder(above);
	if (real_above && asprintf(&real, "%s/%s", strcmp(real_above, "/") == 0 ? "" : real_above,
				   path_name(folder)) < 0)
		real = NULL;
	free(above);
	free(real_above);
	return real;
}

static char *place_find_folder(const struct target *target, const char *undo_directory)
{
	char *state, *real;

	if (undo_directory)
		return realpath(undo_directory, NULL);
	if (target->kind == TARGET_FILE)
		return path_folder(target->name);
	state = place_state_folder();
	real = state ? place_real_folder(state) : NULL;
	free(state);
	return real;
}

/*
 * The attributes of chattr(1).  In an append-only folder files can be made, but not renamed or
 * removed.
 */
static int place_check_attributes(const char *folder, struct bs_error *err)
{
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), flags = 0;

	if (descriptor < 0)
		return 0; /* whether files can be made in it is found out otherwise */
	if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) < 0)
		flags = 0; /* the file system has no attributes */
	close(descriptor);
	if (flags & FS_IMMUTABLE_FL)
		return fail(err, BS_UNDO_FOLDER, "the folder %s is immutable (chattr -i ends that)",
			    folder);
	if (flags & FS_APPEND_FL)
		return fail(err, BS_UNDO_FOLDER,
			    "the folder %s is append-only (chattr -a ends that)", folder);
	return 0;
}

/*
 * Makes a file without a name in the folder or, if the folder is not there yet, in the nearest
 * folder above it.  Returns the descriptor; the caller frees *path, that folder's, also on error.
 */
static int place_open_unnamed(const struct place *place, char **path, struct bs_error *err)
{
	int descriptor, number;

	*path = strdup(place->folder);
	if (!*path)
		return fail_memory(err);
	while ((descriptor = io_open_unnamed(*path, 0)) < 0 && errno == ENOENT &&
	       access(*path, F_OK) < 0)
		path_cut_name(*path); /* ends: "/" exists */
	if (descriptor >= 0)
		return descriptor;
	number = errno;
	if (place_check_attributes(*path, err) < 0)
		return -1;
	errno = number;
	fail_system(err, "no file can be made in %s", place->folder);
	if (bs_code_exit(err->code) == BS_EXIT_REFUSED || err->code == BS_NOT_FOUND)
		err->code = BS_UNDO_FOLDER;
	return -1;
}

int place_check_folder(const struct place *place, struct bs_error *err)
{
	char *path;
	int descriptor = place_open_unnamed(place, &path, err), result = -1;

	if (descriptor >= 0) {
		if (place_check_attributes(path, err) == 0 && trust_check_folder(path, err) == 0)
			result = trust_check_new(descriptor, path, err);
		close(descriptor);
	}
	free(path);
	return result;
}

int place_fail_room(const struct place *place, uint64_t size, struct bs_error *err)
{
	return fail_system(err, "the undo file needs %s (%llu bytes) of room in %s",
			   size_format(size).text, (unsigned long long)size, place->folder);
}

static int place_fail_both(const struct place *place, uint64_t size, struct bs_error *err)
{
	return fail_system(err, "the undo file and the image need %s (%llu bytes) of room in %s",
			   size_format(size).text, (unsigned long long)size, place->folder);
}

/* The undo file is complete before the image grows: on one file system they need room together. */
static int place_reserve(const struct place *place, int descriptor, uint64_t size,
			 uint64_t image_growth, struct bs_error *err)
{
	const struct target *target = place->target;
	struct stat stat;
	bool together = target->kind == TARGET_FILE && fstat(descriptor, &stat) == 0 &&
			stat.st_dev == target->status.device && image_growth > 0;

	if (io_reserve(descriptor, 0, 0, size) < 0)
		return together ? place_fail_both(place, size + image_growth, err)
				: place_fail_room(place, size, err);
	if (!together)
		return target_check_room(target, image_growth, err);
	if (io_reserve(descriptor, FALLOC_FL_KEEP_SIZE, size, image_growth) < 0)
		return place_fail_both(place, size + image_growth, err);
	return 0;
}

int place_check_room(const struct place *place, uint64_t size, uint64_t image_growth,
		     struct bs_error *err)
{
	char *path;
	int descriptor = place_open_unnamed(place, &path, err), result = -1;

	if (descriptor >= 0) {
		result = place_reserve(place, descriptor, size, image_growth, err);
		close(descriptor);
	}
	free(path);
	return result;
}

/*
 * Makes a folder, and the folders above it, each with a durable name.
 *
 * A process that was killed may have made a folder without making its name durable.  It made none
 * below that one, so among the folders that exist this can only be the last one: its name is synced
 * again.  If it lies in a folder that this user cannot open, then this user did not make it.
 */
static int place_make(const char *path, const struct transaction_io *io, struct bs_error *err)
{
	bool was_there = access(path, F_OK) == 0;
	char *above = path_folder(path);
	int result = -1;

	if (!above)
		return fail_memory(err);
	if (!was_there && place_make(above, io, err) < 0) /* ends: "/" exists */
		goto out;
	if (!was_there && mkdir(path, 0700) < 0 && errno != EEXIST) {
		fail_system(err, "cannot create folder %s", path);
		goto out;
	}
	result = transaction_sync_folder(io, above, err);
	if (was_there && result < 0 && err->code == BS_NO_PERMISSION)
		result = 0;
out:
	free(above);
	return result;
}

int place_make_folder(const struct place *place, struct bs_error *err)
{
	const char *folder = place->lock_folder ? place->lock_folder : place->folder;

	if (place->folder_is_given)
		return 0;
	if (place_make(folder, place->target->io, err) < 0)
		return -1;
	/* Another user may have made one of them since the folders above were checked. */
	return trust_check_folder(folder, err);
}

/* ---- the names ------------------------------------------------------------------------------ */

/* Turns an identity into a part of a file name by which a user recognizes a device or an export. */
static void place_readable_name(const char *identity, char name[NAME_MAX_LENGTH + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	snprintf(name, NAME_MAX_LENGTH + 1, "%s", identity + strspn(identity, "/"));
	for (char *c = name + strspn(name, allowed); *c; c += strspn(c, allowed))
		*c = '_';
}

/* The common beginning of the three paths.  The caller frees it. */
static char *place_stem(const struct place *place, const char *undo_directory)
{
	char readable[NAME_MAX_LENGTH + 1];
	const char *name = place_image_name(place);
	uint8_t hash[JOURNAL_HASH_SIZE];
	char *identity, *stem = NULL;

	if (place->target->kind == TARGET_FILE && !undo_directory)
		return strdup(place->target->name);
	identity = target_identity(place->target);
	if (!identity)
		return NULL;
	if (place->target->kind != TARGET_FILE) {
		place_readable_name(identity, readable);
		name = readable;
	}
	journal_hash((const uint8_t *)identity, strlen(identity), hash);
	if (asprintf(&stem, "%s/%s-%02x%02x%02x%02x", place->folder, name, hash[0], hash[1],
		     hash[2], hash[3]) < 0)
		stem = NULL;
	free(identity);
	return stem;
}

/* stem + suffix.  The caller frees it.  NULL: no memory. */
static char *place_path(const char *stem, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s%s", stem, suffix) < 0 ? NULL : path;
}

/* The longest of the three names decides by how much the image's name is too long. */
static int place_fail_name(const struct place *place, struct bs_error *err)
{
	size_t length = strlen(path_name(place->temporary));
	long limit = pathconf(place->folder, _PC_NAME_MAX);
	size_t most = limit > 0 ? (size_t)limit : NAME_MAX;

	if (length <= most)
		return fail(err, BS_NAME_TOO_LONG, "the path %s is too long", place->temporary);
	return fail(err, BS_NAME_TOO_LONG, "the name of its undo file would be too long by %zu %s",
		    length - most, length - most == 1 ? "byte" : "bytes");
}

/* If the file exists, it must be a regular file that can be trusted. */
static int place_check_file(const struct place *place, const char *what, const char *path,
			    struct bs_error *err)
{
	struct stat stat;

	if (lstat(path, &stat) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno == ENAMETOOLONG)
			return place_fail_name(place, err);
		return fail_system(err, "cannot look at %s", path);
	}
	if (S_ISREG(stat.st_mode))
		return trust_check_name(what, path, err);
	return fail(err, BS_UNDO_FILE_UNUSABLE, "%s is %s", path,
		    S_ISLNK(stat.st_mode)   ? "a symbolic link"
		    : S_ISDIR(stat.st_mode) ? "a folder"
					    : "not a regular file");
}

/* The three paths. */
static int place_name(struct place *place, const char *stem, struct bs_error *err)
{
	place->journal = place_path(stem, BS_UNDO_SUFFIX);
	place->temporary = place_path(stem, BS_UNDO_SUFFIX ".tmp");
	place->lock = place_path(stem, ".bootshift-lock");
	return place->journal && place->temporary && place->lock ? 0 : fail_memory(err);
}

static int place_check_files(const struct place *place, struct bs_error *err)
{
	if (place_check_file(place, "undo file", place->journal, err) < 0 ||
	    place_check_file(place, "unfinished undo file", place->temporary, err) < 0)
		return -1;
	return place_check_file(place, "lock file", place->lock, err);
}

static int place_check_is_folder(const char *path, struct bs_error *err)
{
	struct stat stat_of_path;

	if (stat(path, &stat_of_path) < 0)
		return fail_system(err, "cannot look at %s", path);
	if (S_ISDIR(stat_of_path.st_mode))
		return 0;
	return fail(err, BS_NOT_FOUND, "the folder of the undo file, %s, is not a folder", path);
}

int place_find(const struct target *target, const char *undo_directory, struct place *place,
	       struct bs_error *err)
{
	char *stem;
	int result;

	*place = (struct place){
		.target = target,
		.folder = place_find_folder(target, undo_directory),
		.folder_is_given = undo_directory || target->kind == TARGET_FILE,
	};
	if (!place->folder)
		return fail_system(err, "cannot find the folder of the undo file%s%s",
				   undo_directory ? ", " : "",
				   undo_directory ? undo_directory : "");
	if (undo_directory && place_check_is_folder(undo_directory, err) < 0)
		return -1;
	stem = place_stem(place, undo_directory);
	result = stem ? place_name(place, stem, err) : fail_memory(err);
	free(stem);
	return result == 0 ? place_check_files(place, err) : -1;
}

/* ---- an undo file that was moved ------------------------------------------------------------ */

static bool place_has_suffix(const char *path)
{
	size_t length = strlen(path_name(path)), suffix = strlen(BS_UNDO_SUFFIX);

	return length > suffix && strcmp(path_name(path) + length - suffix, BS_UNDO_SUFFIX) == 0;
}

bool place_is_undo_file(const char *path)
{
	return path[0] == '/' && place_has_suffix(path);
}

/* If a file can be made where a command without --undo-dir has its lock file, uses that one. */
static void place_share_lock(struct place *place)
{
	struct bs_error ignored;
	struct place usual;

	if (place_find(place->target, NULL, &usual, &ignored) == 0 &&
	    place_check_folder(&usual, &ignored) == 0) {
		free(place->lock);
		place->lock = usual.lock;
		place->lock_folder = usual.folder;
		place->folder_is_given = usual.folder_is_given;
		usual.lock = usual.folder = NULL;
	}
	place_free(&usual);
}

/* The folder of the named undo file, and the names in it. */
static int place_name_beside(struct place *place, const char *undo_file, struct bs_error *err)
{
	const char *name = path_name(undo_file);
	char *folder = path_folder(undo_file), *stem = NULL;
	int result = -1;

	if (!folder)
		return fail_memory(err);
	place->folder = realpath(folder, NULL);
	if (!place->folder)
		fail_system(err, "cannot find the folder of the undo file, %.300s", folder);
	else if (asprintf(&stem, "%s/%.*s", strcmp(place->folder, "/") == 0 ? "" : place->folder,
			  (int)(strlen(name) - strlen(BS_UNDO_SUFFIX)), name) < 0)
		stem = NULL;
	if (place->folder)
		result = stem ? place_name(place, stem, err) : fail_memory(err);
	free(stem);
	free(folder);
	return result;
}

int place_find_file(const struct target *target, const char *undo_file, struct place *place,
		    struct bs_error *err)
{
	*place = (struct place){.target = target, .folder_is_given = true};
	if (!place_has_suffix(undo_file))
		return fail(err, BS_USAGE,
			    "%.300s is not an undo file: its name does not end "
			    "with " BS_UNDO_SUFFIX,
			    undo_file);
	if (place_name_beside(place, undo_file, err) < 0)
		return -1;
	place_share_lock(place);
	return place_check_files(place, err);
}

/* Whether a file of the image's name lies in the folder, and is not the image itself. */
static bool place_has_namesake(const struct place *place)
{
	const struct target_status *image = &place->target->status;
	struct stat stat;
	char *path;
	bool found;

	if (asprintf(&path, "%s/%s", place->folder, place_image_name(place)) < 0)
		return true;
	found = lstat(path, &stat) == 0 &&
		(stat.st_dev != image->device || stat.st_ino != image->inode);
	free(path);
	return found;
}

int place_use_plain_name(struct place *place, struct bs_error *err)
{
	char *stem;
	struct place plain = {0};
	int result;

	if (place->target->kind != TARGET_FILE || access(place->journal, F_OK) == 0 ||
	    place_has_namesake(place))
		return 0;
	if (asprintf(&stem, "%s/%s", place->folder, place_image_name(place)) < 0)
		return fail_memory(err);
	result = place_name(&plain, stem, err);
	free(stem);
	if (result == 0 && access(plain.journal, F_OK) == 0) {
		char *journal = place->journal, *temporary = place->temporary;

		place->journal = plain.journal;
		place->temporary = plain.temporary;
		plain.journal = journal;
		plain.temporary = temporary;
		result = place_check_files(place, err);
	}
	place_free(&plain);
	return result;
}

void place_free(struct place *place)
{
	free(place->folder);
	free(place->lock_folder);
	free(place->journal);
	free(place->temporary);
	free(place->lock);
	*place = (struct place){0};
}
