/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The new file is written beside the old one, under a name of its own, and then renamed. */
#include "report/replace-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/io.h"
#include "util/path.h"

int(replace_file_fail)(const char *path, const char *what, const char *problem,
		       struct bs_error *err)
{
	return fail_system(err, "the %s '%s' %s", what, path, problem);
}

struct new_file {
	const char *path, *what;
	replace_file_content *content;
	void *context;
};

/* A pipe or a device cannot be made to have room: its error has an advice of its own. */
static int replace_fail_write(const struct new_file *file, bool durable, struct bs_error *err)
{
	if (errno == EPIPE)
		return fail(err, BS_OUTPUT, "the %s '%s' cannot be written: its reader has gone",
			    file->what, file->path);
	replace_file_fail(file->path, file->what, "cannot be written", err);
	if (!durable)
		err->code = BS_OUTPUT;
	return -1;
}

/* Where a stream writes to.  A stream itself forgets why a write in the middle has failed. */
struct sink {
	int descriptor;
	int error; /* errno of the first error; 0: none */
};

/* Of fopencookie(3): 0 means an error. */
static ssize_t sink_write(void *cookie, const char *bytes, size_t length)
{
	struct sink *sink = cookie;

	if (io_write_all(sink->descriptor, bytes, length) == 0)
		return (ssize_t)length;
	if (sink->error == 0)
		sink->error = errno;
	return 0;
}

/* Returns 0, or -1 with errno, after the content has been written. */
static int sink_finish(const struct sink *sink, FILE *stream, bool durable)
{
	bool failed = fflush(stream) < 0 || ferror(stream);

	if (failed && sink->error != 0)
		errno = sink->error;
	return failed || (durable && fsync(sink->descriptor) < 0) ? -1 : 0;
}

/* Writes the content to an open descriptor, and closes it in every case. */
static int replace_write_stream(const struct new_file *file, int descriptor, bool durable,
				struct bs_error *err)
{
	struct sink sink = {.descriptor = descriptor};
	FILE *stream = fopencookie(&sink, "w", (cookie_io_functions_t){.write = sink_write});
	int result;

	if (!stream) {
		close(descriptor);
		return replace_file_fail(file->path, file->what, "cannot be opened", err);
	}
	result = file->content(stream, file->context, err);
	if (result == 0 && sink_finish(&sink, stream, durable) < 0)
		result = replace_fail_write(file, durable, err);
	fclose(stream);
	if (close(descriptor) < 0 && result == 0)
		result = replace_fail_write(file, durable, err);
	return result;
}

/* Creates the new file.  Returns its descriptor; the caller frees *name. */
static int replace_create(const char *path, const char *what, char **name, struct bs_error *err)
{
	int descriptor;

	if (asprintf(name, "%s.%ld.tmp", path, (long)getpid()) < 0)
		return fail_memory(err);
	descriptor = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor < 0) {
		free(*name);
		return replace_file_fail(path, what, "cannot be created", err);
	}
	return descriptor;
}

static int replace_file(const struct new_file *file, struct bs_error *err)
{
	char *temporary;
	int descriptor = replace_create(file->path, file->what, &temporary, err), result;

	if (descriptor < 0)
		return -1;
	result = replace_write_stream(file, descriptor, true, err);
	if (result == 0 && rename(temporary, file->path) < 0)
		result = replace_file_fail(file->path, file->what, "cannot be put in its place",
					   err);
	if (result < 0)
		unlink(temporary);
	free(temporary);
	return result;
}

static int replace_in_place(const struct new_file *file, struct bs_error *err)
{
	int descriptor;

	if (strcmp(file->path, "-") == 0)
		descriptor = dup(STDOUT_FILENO);
	else
		descriptor = open(file->path, O_WRONLY | O_CLOEXEC);
	if (descriptor < 0)
		return replace_file_fail(file->path, file->what, "cannot be opened", err);
	return replace_write_stream(file, descriptor, false, err);
}

int replace_file_write(const char *path, const char *what, replace_file_content *content,
		       void *context, struct bs_error *err)
{
	const struct new_file file = {path, what, content, context};
	struct stat status;

	if (strcmp(path, "-") == 0 || (stat(path, &status) == 0 && !S_ISREG(status.st_mode)))
		return replace_in_place(&file, err);
	return replace_file(&file, err);
}

/* ---- checks before a file is written ------------------------------------------------------- */

bool file_kind_is(const struct file_kind *kind, const char *head)
{
	return strncmp(head, kind->start, strlen(kind->start)) == 0 && strstr(head, kind->mark);
}

static int replace_refuse(const char *path, const struct file_kind *kind, const char *victim,
			  struct bs_error *err)
{
	return fail(err, BS_FILE_EXISTS, "the %s '%s' would replace %s", kind->what, path, victim);
}

/* An empty file may be replaced by any kind. */
static int replace_check_content(const char *path, const struct file_kind *kind,
				 struct bs_error *err)
{
	char head[FILE_KIND_HEAD + 1] = "";
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return replace_file_fail(path, kind->what, "cannot be read", err);
	length = fread(head, 1, FILE_KIND_HEAD, file);
	fclose(file);
	if (length == 0 || file_kind_is(kind, head))
		return 0;
	return fail(err, BS_FILE_EXISTS,
		    "the file '%s' exists and is not a bootshift %s; not overwritten", path,
		    kind->what);
}

/* Tests by creating the temporary file and removing it.  No other test is as reliable. */
static int replace_check_folder(const char *path, const struct file_kind *kind,
				struct bs_error *err)
{
	char *temporary;
	int descriptor = replace_create(path, kind->what, &temporary, err);

	if (descriptor < 0)
		return -1;
	close(descriptor);
	unlink(temporary);
	free(temporary);
	return 0;
}

int replace_file_check(const char *path, const struct file_kind *kind, struct bs_error *err)
{
	struct stat status;
	bool is_there = stat(path, &status) == 0;

	if (strcmp(path, "-") == 0)
		return 0;
	if (!is_there && errno != ENOENT)
		return replace_file_fail(path, kind->what, "cannot be created", err);
	if (is_there && S_ISDIR(status.st_mode))
		return replace_refuse(path, kind, "a folder", err);
	if (is_there && S_ISBLK(status.st_mode))
		return replace_refuse(path, kind, "what is on a device", err);
	if (is_there && !S_ISREG(status.st_mode))
		return 0;
	if (is_there && replace_check_content(path, kind, err) < 0)
		return -1;
	return replace_check_folder(path, kind, err);
}

static bool replace_stat_folder(const char *path, struct stat *status)
{
	char *folder = path_folder(path);
	bool is_there = folder && stat(folder, status) == 0;

	free(folder);
	return is_there;
}

static bool replace_is_one_inode(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool replace_file_is_same(const char *one, const char *other)
{
	struct stat one_status, other_status;
	bool one_is_there, other_is_there;

	if (strcmp(one, other) == 0)
		return true;
	if (strcmp(one, "-") == 0 || strcmp(other, "-") == 0)
		return false;
	one_is_there = stat(one, &one_status) == 0;
	other_is_there = stat(other, &other_status) == 0;
	if (one_is_there || other_is_there)
		return one_is_there && other_is_there &&
		       replace_is_one_inode(&one_status, &other_status);
	return replace_stat_folder(one, &one_status) && replace_stat_folder(other, &other_status) &&
	       replace_is_one_inode(&one_status, &other_status) &&
	       strcmp(path_name(one), path_name(other)) == 0;
}
