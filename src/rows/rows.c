/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/io.h"

/* The start of every row.  By these bytes an incomplete row is recognised.  ?: the schema. */
static const char row_start[] = "{\"schema\":?,\"tool\":\"bootshift\",";

const struct file_kind rows_file_kind = {"file of batch results", "{", "\"tool\":\"bootshift\""};

struct rows {
	int stream;       /* a pipe or a terminal, which cannot be read; -1: none */
	int store;        /* a file, which can be read; -1: none */
	uint64_t created; /* see rows_created(); 0: the user named no regular file */
	uint64_t length;  /* of the complete rows in the store */
};

/* ---- opening ------------------------------------------------------------------------------- */

/* Whether the file still has its name: the lock of a file that was replaced is worth nothing. */
static bool rows_is_at(int descriptor, const char *path)
{
	struct stat file, named;

	return fstat(descriptor, &file) == 0 && stat(path, &named) == 0 &&
	       file.st_dev == named.st_dev && file.st_ino == named.st_ino;
}

/* The lock lasts until the descriptor is closed.  Some file systems cannot lock: no error. */
static int rows_lock(int descriptor, const char *path, struct bs_error *err)
{
	if (flock(descriptor, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return fail(err, BS_IN_USE, "another bootshift is writing batch results to it");
	if (!rows_is_at(descriptor, path))
		return fail(err, BS_IN_USE, "another bootshift has just replaced it");
	return 0;
}

/* Locks the file of an open descriptor, which may also be -1, with errno. */
static int rows_lock_descriptor(int descriptor, const char *path, int *lock, struct bs_error *err)
{
	struct stat status;

	if (descriptor < 0)
		return fail_system(err, "the %s '%s' cannot be locked", rows_file_kind.what, path);
	if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
	    rows_lock(descriptor, path, err) == 0) {
		*lock = descriptor;
		return 0;
	}
	close(descriptor);
	return S_ISREG(status.st_mode) ? -1 : 0;
}

int rows_lock_old(const char *path, int *lock, struct bs_error *err)
{
	struct stat status;

	*lock = -1;
	if (strcmp(path, "-") == 0 || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	return rows_lock_descriptor(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path,
				    lock, err);
}

int rows_lock_new(const char *path, int *lock, struct bs_error *err)
{
	struct stat status;

	*lock = -1;
	if (strcmp(path, "-") == 0 || (stat(path, &status) == 0 && !S_ISREG(status.st_mode)))
		return 0;
	return rows_lock_descriptor(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644), path,
				    lock, err);
}

static uint64_t rows_nanoseconds(const struct statx_timestamp *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + time->tv_nsec;
}

static int rows_read_status(struct rows *rows, uint64_t *length, struct bs_error *err)
{
	struct statx status;

	if (statx(rows->store, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) < 0)
		return fail_system(err, "its status cannot be read");
	*length = status.stx_size;
	rows->created = rows_nanoseconds(status.stx_mask & STATX_BTIME ? &status.stx_btime
								       : &status.stx_mtime);
	return 0;
}

/*
 * Whether the bytes from `offset` to the end of the file can be the start of a row.  With
 * `zeros_too`, bytes may also be zero: after a power cut, data that did not reach the storage reads
 * as zeros.
 */
static bool rows_is_row_start(const struct rows *rows, uint64_t offset, bool zeros_too)
{
	char bytes[sizeof(row_start) - 1];
	ssize_t length = pread(rows->store, bytes, sizeof(bytes), (off_t)offset);

	for (ssize_t i = 0; i < length; i++) {
		bool fits = row_start[i] == '?' ? bytes[i] >= '1' && bytes[i] <= '0' + ROW_SCHEMA
						: bytes[i] == row_start[i];

		if (!fits && !(zeros_too && bytes[i] == '\0'))
			return false;
	}
	return length > 0;
}

/* Sets *end to the offset after the last newline in the first `length` bytes; 0: no newline. */
static int rows_find_end(const struct rows *rows, uint64_t length, uint64_t *end,
			 struct bs_error *err)
{
	char bytes[4096];

	while (length > 0) { /* decreases with each turn */
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

/*
 * Cuts an incomplete last row off, which no report has counted.  Refuses a file that is not a file
 * of rows: the user may have named an image by mistake.
 */
static int rows_cut_incomplete(struct rows *rows, uint64_t length, struct bs_error *err)
{
	if (rows_find_end(rows, length, &rows->length, err) < 0)
		return -1;
	if (length == rows->length)
		return 0;
	if (!rows_is_row_start(rows, 0, false) || !rows_is_row_start(rows, rows->length, true))
		return fail(err, BS_FILE_EXISTS, "this is not a file of batch results");
	if (ftruncate(rows->store, (off_t)rows->length) < 0)
		return fail_system(err, "its incomplete last line cannot be cut off");
	return 0;
}

static int rows_open_store(struct rows *rows, const char *path, int descriptor,
			   struct bs_error *err)
{
	uint64_t length = 0;

	rows->store = descriptor;
	if (rows_lock(descriptor, path, err) < 0 || rows_read_status(rows, &length, err) < 0)
		return -1;
	return rows_cut_incomplete(rows, length, err);
}

static int rows_open_path(struct rows *rows, const char *path, struct bs_error *err)
{
	struct stat status;
	int descriptor;

	if (strcmp(path, "-") == 0) {
		rows->stream = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return rows->stream >= 0 ? 0 : fail_system(err, "cannot be written to");
	}
	descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	if (descriptor < 0 && errno == EISDIR)
		return fail(err, BS_ROW_INVALID, "it is a folder");
	if (descriptor < 0 || fstat(descriptor, &status) < 0) {
		fail_system(err, "cannot be opened for batch results");
		if (descriptor >= 0)
			close(descriptor);
		return -1;
	}
	if (S_ISREG(status.st_mode))
		return rows_open_store(rows, path, descriptor, err);
	rows->stream = descriptor;
	if (S_ISBLK(status.st_mode))
		return fail(err, BS_FILE_EXISTS, "it is a block device, which may hold a disk");
	return 0;
}

static int rows_open_temporary(struct rows *rows, struct bs_error *err)
{
	rows->store = io_open_unnamed(io_temporary_folder(), O_APPEND);
	return rows->store >= 0
		       ? 0
		       : fail_system(err, "no temporary file can be made for batch results");
}

struct rows *rows_open(const char *path, bool readable, struct bs_error *err)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows) {
		fail_memory(err);
		return NULL;
	}
	rows->stream = rows->store = -1;
	if ((path && rows_open_path(rows, path, err) < 0) ||
	    (readable && rows->store < 0 && rows_open_temporary(rows, err) < 0)) {
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

/* A pipe or a device cannot be made to have room: its error has an advice of its own. */
static int rows_fail_stream(struct bs_error *err)
{
	if (errno == EPIPE)
		return fail(err, BS_OUTPUT, "the reader of the batch results has gone");
	return fail_errno(err, BS_OUTPUT, "no more batch results can be written");
}

static int rows_add_line(struct rows *rows, const char *line, size_t length, struct bs_error *err)
{
	if (rows->stream >= 0 && io_write_all(rows->stream, line, length) < 0)
		return rows_fail_stream(err);
	if (rows->store < 0)
		return 0;
	if (io_write_all(rows->store, line, length) < 0 || fdatasync(rows->store) < 0) {
		fail_system(err, "no more batch results can be written");
		/* If this fails too, the next rows_open() cuts the row off. */
		(void)!ftruncate(rows->store, (off_t)rows->length);
		return -1;
	}
	rows->length += length;
	return 0;
}

int rows_add(struct rows *rows, const struct row *row, struct bs_error *err)
{
	char *line = row_line(row);
	int result;

	if (!line)
		return fail_memory(err);
	result = rows_add_line(rows, line, strlen(line), err);
	free(line);
	return result;
}

uint64_t rows_created(const struct rows *rows)
{
	return rows->created;
}

bool rows_can_resume(const struct rows *rows)
{
	return rows->created > 0;
}

/* Opens the file anew, because a descriptor of dup() would share the position in the file. */
FILE *rows_open_reader(const struct rows *rows, struct bs_error *err)
{
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", rows->store);
	file = fopen(path, "re");
	if (!file)
		fail_system(err, "cannot be read again");
	return file;
}

/* Gives the store a name, which needs no room.  Only a file of O_TMPFILE can get one. */
static int rows_link(const struct rows *rows, const char *path)
{
	char store[40];

	snprintf(store, sizeof(store), "/proc/self/fd/%d", rows->store);
	return linkat(AT_FDCWD, store, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Copies the rows of the store into a new file.  Returns 0, or -1 with errno. */
static int rows_copy(const struct rows *rows, const char *path)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	off_t end = (off_t)rows->length, offset = 0;
	int number = 0;

	if (descriptor < 0)
		return -1;
	while (offset < end && number == 0) { /* each turn copies something or ends the loop */
		ssize_t length = sendfile(descriptor, rows->store, &offset, (size_t)(end - offset));

		if (length <= 0)
			number = length < 0 ? errno : EIO;
	}
	if (number == 0 && fsync(descriptor) < 0)
		number = errno;
	if (close(descriptor) < 0 && number == 0)
		number = errno;
	if (number == 0)
		return 0;
	unlink(path);
	errno = number;
	return -1;
}

char *rows_save(const struct rows *rows, struct bs_error *err)
{
	char *path;

	if (asprintf(&path, "%s/bootshift-%llu.jsonl", io_temporary_folder(),
		     (unsigned long long)clock_file_time()) < 0) {
		fail_memory(err);
		return NULL;
	}
	if (rows_link(rows, path) < 0 && rows_copy(rows, path) < 0) {
		fail_system(err, "the batch results cannot be saved as %s", path);
		free(path);
		path = NULL;
	}
	return path;
}

FILE *rows_copy_stdin(struct bs_error *err)
{
	int descriptor = io_open_unnamed(io_temporary_folder(), 0);
	FILE *copy = descriptor >= 0 ? fdopen(descriptor, "w+") : NULL;
	int byte;

	if (!copy) {
		fail_system(err, "no temporary file can be made for standard input");
		if (descriptor >= 0)
			close(descriptor);
		return NULL;
	}
	while ((byte = getc_unlocked(stdin)) != EOF && putc_unlocked(byte, copy) != EOF)
		;
	if (!ferror(stdin) && !ferror(copy) && fseeko(copy, 0, SEEK_SET) == 0)
		return copy;
	fail_system(err, "standard input cannot be copied to a temporary file");
	fclose(copy);
	return NULL;
}
