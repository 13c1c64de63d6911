/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a file whole or not at all: under a name of its own beside it first, then renamed. */
#include "report/whole-file.h"

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

static int replace_file(const struct target *target, struct bs_error *err)
{
	char *temporary = NULL;
	int descriptor, result = -1;

	if (asprintf(&temporary, "%s.%ld.tmp", target->path, (long)getpid()) < 0)
		return fail(err, BS_NO_MEMORY, "out of memory");
	descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (descriptor < 0) {
		whole_file_fail(target->path, target->what, "cannot be created", err);
		goto out;
	}
	result = write_descriptor(target, descriptor, true, err);
	if (result == 0 && rename(temporary, target->path) != 0)
		result = whole_file_fail(target->path, target->what, "cannot be put in its place",
					 err);
	if (result != 0)
		unlink(temporary);
out:
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
