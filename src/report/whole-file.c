/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a file whole or not at all: under a name of its own beside it first, then renamed. */
#include "report/whole-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The message says the name because the error may be shown as one of something else. */
int(whole_file_fail)(const char *path, const char *what, const char *problem, struct bs_error *err)
{
	return fail_system(err, "the %s '%s' %s", what, path, problem);
}

struct target {
	const char *path, *what;
	whole_file_content *content;
	void *context;
};

/* Writes the content to an open descriptor, which is closed in any case. */
static int write_descriptor(const struct target *target, int descriptor, bool durable,
			    struct bs_error *err)
{
	FILE *stream = fdopen(descriptor, "w");
	int result;

	if (!stream) {
		close(descriptor);
		return whole_file_fail(target->path, target->what, "cannot be opened", err);
	}
	result = target->content(stream, target->context, err);
	if (result == 0 &&
	    (ferror(stream) || fflush(stream) != 0 || (durable && fsync(descriptor) != 0)))
		result = whole_file_fail(target->path, target->what, "cannot be written", err);
	if (fclose(stream) != 0 && result == 0)
		result = whole_file_fail(target->path, target->what, "cannot be written", err);
	return result;
}

/* Makes the file beside it; returns its descriptor, and *name is for the caller to free. */
static int create_temporary(const char *path, const char *what, char **name, struct bs_error *err)
{
	int descriptor;

	if (asprintf(name, "%s.%ld.tmp", path, (long)getpid()) < 0)
		return fail_memory(err);
	descriptor = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor < 0) {
		free(*name);
		return whole_file_fail(path, what, "cannot be created", err);
	}
	return descriptor;
}

static int replace_file(const struct target *target, struct bs_error *err)
{
	char *temporary;
	int descriptor = create_temporary(target->path, target->what, &temporary, err), result;

	if (descriptor < 0)
		return -1;
	result = write_descriptor(target, descriptor, true, err);
	if (result == 0 && rename(temporary, target->path) != 0)
		result = whole_file_fail(target->path, target->what, "cannot be put in its place",
					 err);
	if (result != 0)
		unlink(temporary);
	free(temporary);
	return result;
}

static int write_in_place(const struct target *target, struct bs_error *err)
{
	int descriptor;

	if (strcmp(target->path, "-") == 0)
		descriptor = dup(STDOUT_FILENO);
	else
		descriptor = open(target->path, O_WRONLY | O_CLOEXEC);
	if (descriptor < 0)
		return whole_file_fail(target->path, target->what, "cannot be opened", err);
	return write_descriptor(target, descriptor, false, err);
}

int whole_file_write(const char *path, const char *what, whole_file_content *content, void *context,
		     struct bs_error *err)
{
	const struct target target = {path, what, content, context};
	struct stat status;

	if (strcmp(path, "-") == 0 || (stat(path, &status) == 0 && !S_ISREG(status.st_mode)))
		return write_in_place(&target, err);
	return replace_file(&target, err);
}

/* ---- before it is written ------------------------------------------------------------------ */

const struct whole_file_kind whole_file_page = {"report", "<!DOCTYPE html>",
						" - bootshift</title>"};
const struct whole_file_kind whole_file_plan = {"plan file", "{", "\"kind\": \"bootshift-plan\""};
const struct whole_file_kind whole_file_rows = {"file of rows", "{", "\"tool\":\"bootshift\""};

#define HEAD 4096 /* bytes in which the marks are */

static int refuse(const char *path, const struct whole_file_kind *kind, const char *victim,
		  struct bs_error *err)
{
	return fail(err, BS_FILE_EXISTS, "the %s '%s' would replace %s", kind->what, path, victim);
}

/* An empty file is anybody's. */
static int check_content(const char *path, const struct whole_file_kind *kind, struct bs_error *err)
{
	char head[HEAD + 1] = "";
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return whole_file_fail(path, kind->what, "cannot be looked at", err);
	length = fread(head, 1, HEAD, file);
	fclose(file);
	if (length == 0 || (strncmp(head, kind->start, strlen(kind->start)) == 0 &&
			    strstr(head, kind->mark) != NULL))
		return 0;
	return refuse(path, kind, "a file that is not one", err);
}

/* The surest way to know is to do it. */
static int check_folder(const char *path, const struct whole_file_kind *kind, struct bs_error *err)
{
	char *temporary;
	int descriptor = create_temporary(path, kind->what, &temporary, err);

	if (descriptor < 0)
		return -1;
	close(descriptor);
	unlink(temporary);
	free(temporary);
	return 0;
}

int whole_file_check(const char *path, const struct whole_file_kind *kind, struct bs_error *err)
{
	struct stat status;
	bool is_there = stat(path, &status) == 0;

	if (strcmp(path, "-") == 0)
		return 0;
	if (!is_there && errno != ENOENT)
		return whole_file_fail(path, kind->what, "cannot be created", err);
	if (is_there && S_ISDIR(status.st_mode))
		return refuse(path, kind, "a folder", err);
	if (is_there && S_ISBLK(status.st_mode))
		return refuse(path, kind, "what is on a device", err);
	if (is_there && !S_ISREG(status.st_mode))
		return 0;
	if (is_there && check_content(path, kind, err) != 0)
		return -1;
	return check_folder(path, kind, err);
}

/* Where a name is, be there a file or not. */
static bool look_at_folder(const char *path, const char **name, struct stat *status)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	bool is_there = folder && stat(folder, status) == 0;

	*name = slash ? slash + 1 : path;
	free(folder);
	return is_there;
}

static bool is_one_inode(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool whole_file_is_same(const char *one, const char *other)
{
	struct stat one_status, other_status;
	const char *one_name, *other_name;
	bool one_is_there, other_is_there;

	if (strcmp(one, other) == 0)
		return true;
	if (strcmp(one, "-") == 0 || strcmp(other, "-") == 0)
		return false;
	one_is_there = stat(one, &one_status) == 0;
	other_is_there = stat(other, &other_status) == 0;
	if (one_is_there || other_is_there)
		return one_is_there && other_is_there && is_one_inode(&one_status, &other_status);
	return look_at_folder(one, &one_name, &one_status) &&
	       look_at_folder(other, &other_name, &other_status) &&
	       is_one_inode(&one_status, &other_status) && strcmp(one_name, other_name) == 0;
}
