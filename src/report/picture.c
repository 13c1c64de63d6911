/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/picture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct file_kind picture_kind = {
	.what = "picture",
	.start = "\x89PNG\r\n\x1a\n",
	.mark = "PNG",
};

static int picture_write(FILE *stream, void *context, struct bs_error *err)
{
	const struct bs_start *start = context;

	(void)err;
	(void)!fwrite(start->picture, 1, start->picture_size, stream);
	return 0;
}

/* Returns whether all was written. */
static bool picture_write_to(const struct bs_start *start, int file)
{
	FILE *stream = fdopen(file, "w");
	bool complete;

	if (!stream) {
		close(file);
		return false;
	}
	complete = fwrite(start->picture, 1, start->picture_size, stream) == start->picture_size;
	return fclose(stream) == 0 && complete;
}

/* Writes the picture to a new file.  The caller frees the path; NULL: it could not be written. */
static char *picture_write_new(const struct bs_start *start)
{
	const char *folder = getenv("TMPDIR");
	char *path;
	int file;

	if (asprintf(&path, "%s/bootshift-start-XXXXXX.png", folder && *folder ? folder : "/tmp") <
	    0)
		return NULL;
	file = mkstemps(path, (int)strlen(".png"));
	if (file >= 0 && picture_write_to(start, file))
		return path;
	if (file >= 0)
		unlink(path);
	free(path);
	return NULL;
}

/* Adds the path to the error, if there is room for all of it. */
static void picture_tell(struct bs_error *error, const char *path)
{
	size_t length = strlen(error->message);
	static const char words[] = "; the last screen: ";

	if (error->code == BS_START_FAILED &&
	    length + strlen(words) + strlen(path) < sizeof(error->message))
		snprintf(error->message + length, sizeof(error->message) - length, "%s%s", words,
			 path);
}

int picture_store(struct bs_result *result, const char *path, struct bs_error *err)
{
	struct bs_start *start = result->start;

	if (!start || (!path && (start->proven || !start->picture)))
		return 0;
	if (!start->picture)
		return fail(err, BS_IO, "QEMU has made no picture of the last screen");
	if (path && replace_file_write(path, picture_kind.what, picture_write, start, err) < 0)
		return -1;
	start->picture_path = path ? strdup(path) : picture_write_new(start);
	if (start->picture_path)
		picture_tell(&result->error, start->picture_path);
	return 0;
}
