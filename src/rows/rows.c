/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"

/* What each row begins with, by which one that was cut is known. */
static const char row_start[] = "{\"schema\":1,\"tool\":\"bootshift\",";

struct rows {
	int stream;     /* written to; -1: none */
	int store;      /* a file that is written to and can be read again; -1: none */
	uint64_t made;  /* nanoseconds since 1970; 0: it has no name */
	uint64_t whole; /* the length of the store, which is whole rows */
};

/* ---- opening ------------------------------------------------------------------------------- */

/* Held until the descriptor is closed.  Some file systems cannot lock, and then nobody is kept out.
 */
static int lock(const struct rows *rows, struct bs_error *err)
{
	if (flock(rows->store, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	return fail(err, BS_IN_USE, "another bootshift writes rows to it");
}

static uint64_t nanoseconds(uint64_t seconds, uint64_t more)
{
	return seconds * 1000000000u + more;
}

static int look(struct rows *rows, uint64_t *length, struct bs_error *err)
{
	struct statx status;

	if (statx(rows->store, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
		return fail_system(err, "cannot be looked at");
	*length = status.stx_size;
	rows->made =
		status.stx_mask & STATX_BTIME
			? nanoseconds((uint64_t)status.stx_btime.tv_sec, status.stx_btime.tv_nsec)
			: nanoseconds((uint64_t)status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec);
	return 0;
}

/*
 * Whether bytes from `offset` on are the beginning of a row, as far as they go.  What never came to
 * the storage before the machine lost its power reads as zeros.
 */
static bool is_row_start(const struct rows *rows, uint64_t offset, bool zeros_too)
{
	char bytes[sizeof(row_start) - 1];
	ssize_t length = pread(rows->store, bytes, sizeof(bytes), (off_t)offset);

	for (ssize_t i = 0; i < length; i++)
		if (bytes[i] != row_start[i] && !(zeros_too && bytes[i] == '\0'))
			return false;
	return length > 0;
}

/* The end of the last line of the first `length` bytes that has one; 0 when none has. */
static int find_last_end(const struct rows *rows, uint64_t length, uint64_t *end,
			 struct bs_error *err)
{
	char bytes[4096];

	while (length > 0) { /* each turn takes some bytes off */
		uint64_t part = length < sizeof(bytes) ? length : sizeof(bytes);
		const char *found;

		if (pread(rows->store, bytes, part, (off_t)(length - part)) != (ssize_t)part)
			return fail_system(err, "cannot be read");
		found = memrchr(bytes, '\n', part);
		if (found) {
			*end = length - part + (uint64_t)(found - bytes) + 1;
			return 0;
		}
		length -= part;
	}
	*end = 0;
	return 0;
}

/* What is cut off was never told as done.  It must be rows: an image may end like that as well. */
static int cut_off(struct rows *rows, uint64_t length, struct bs_error *err)
{
	if (find_last_end(rows, length, &rows->whole, err) != 0)
		return -1;
	if (length == rows->whole)
		return 0;
	if (!is_row_start(rows, 0, false) || !is_row_start(rows, rows->whole, true))
		return fail(err, BS_ROW_INVALID,
			    "it does not end with a row, nor with a part of one");
	if (ftruncate(rows->store, (off_t)rows->whole) != 0)
		return fail_system(err, "cannot be cut to its last whole row");
	return 0;
}

static int open_store(struct rows *rows, int descriptor, struct bs_error *err)
{
	uint64_t length = 0;

	rows->store = descriptor;
	if (lock(rows, err) != 0 || look(rows, &length, err) != 0)
		return -1;
	return cut_off(rows, length, err);
}

/* A file is the store as well; a pipe or a terminal is only written to. */
static int open_named(struct rows *rows, const char *path, struct bs_error *err)
{
	struct stat status;
	int descriptor;

	if (strcmp(path, "-") == 0) {
		rows->stream = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return rows->stream >= 0 ? 0 : fail_system(err, "cannot be written to");
	}
	descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		fail_system(err, "cannot be opened for rows");
		if (descriptor >= 0)
			close(descriptor);
		return -1;
	}
	if (S_ISREG(status.st_mode))
		return open_store(rows, descriptor, err);
	rows->stream = descriptor;
	if (S_ISBLK(status.st_mode))
		return fail(err, BS_ROW_INVALID, "it is a block device, which may hold a disk");
	return 0;
}

static const char *temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && *folder != '\0' ? folder : "/tmp";
}

/* A file without a name, which is gone when it is closed. */
static int open_temporary(struct rows *rows, struct bs_error *err)
{
	rows->store = open(temporary_folder(), O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
	return rows->store >= 0 ? 0
				: fail_system(err, "no temporary file can be made for its rows");
}

struct rows *rows_open(const char *path, bool keep, struct bs_error *err)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows) {
		fail(err, BS_NO_MEMORY, "out of memory");
		return NULL;
	}
	rows->stream = rows->store = -1;
	if ((path && open_named(rows, path, err) != 0) ||
	    (keep && rows->store < 0 && open_temporary(rows, err) != 0)) {
		rows_close(rows);
		return NULL;
	}
	return rows;
}

void rows_close(struct rows *rows)
{
	if (!rows)
		return;
	if (rows->stream >= 0)
		close(rows->stream);
	if (rows->store >= 0)
		close(rows->store);
	free(rows);
}

/* ---- writing and reading ------------------------------------------------------------------- */

static int write_all(int descriptor, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(descriptor, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int add_line(struct rows *rows, const char *line, size_t length, struct bs_error *err)
{
	if (rows->stream >= 0 && write_all(rows->stream, line, length) != 0)
		return fail_system(err, "no more rows can be written");
	if (rows->store < 0)
		return 0;
	if (write_all(rows->store, line, length) != 0 || fdatasync(rows->store) != 0) {
		fail_system(err, "no more rows can be written");
		/* If this fails as well, the row is cut off when the batch is resumed. */
		(void)!ftruncate(rows->store, (off_t)rows->whole);
		return -1;
	}
	rows->whole += length;
	return 0;
}

int rows_add(struct rows *rows, const struct row *row, struct bs_error *err)
{
	char *line = row_line(row);
	int result;

	if (!line)
		return fail(err, BS_NO_MEMORY, "out of memory");
	result = add_line(rows, line, strlen(line), err);
	free(line);
	return result;
}

uint64_t rows_made(const struct rows *rows)
{
	return rows->made;
}

bool rows_are_kept(const struct rows *rows)
{
	return rows->made > 0;
}

struct store_name {
	char text[40];
};

static struct store_name name_store(const struct rows *rows)
{
	struct store_name name;

	snprintf(name.text, sizeof(name.text), "/proc/self/fd/%d", rows->store);
	return name;
}

/* Through /proc, for a place in the file of its own. */
FILE *rows_read(const struct rows *rows, struct bs_error *err)
{
	FILE *file = fopen(name_store(rows).text, "re");

	if (!file)
		fail_system(err, "cannot be read again");
	return file;
}

char *rows_keep(const struct rows *rows, struct bs_error *err)
{
	char *path;

	if (asprintf(&path, "%s/bootshift-%llu.jsonl", temporary_folder(),
		     (unsigned long long)clock_file_time()) < 0) {
		fail(err, BS_NO_MEMORY, "out of memory");
		return NULL;
	}
	if (linkat(AT_FDCWD, name_store(rows).text, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0) {
		fail_system(err, "the rows cannot be kept as %s", path);
		free(path);
		path = NULL;
	}
	return path;
}
