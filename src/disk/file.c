/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file or block device as a read-only disk.  This layer cannot write: only the commit changes an
 * image, and the commit has its own descriptor and its own rules.
 */
#include "disk/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	struct disk disk;
	int descriptor; /* the caller's */
};

int file_read_at(int descriptor, uint64_t offset, void *buffer, size_t length, struct bs_error *err)
{
	uint8_t *next = buffer;

	while (length > 0) {
		ssize_t done = pread(descriptor, next, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_errno(err, BS_IO, "cannot read %zu bytes at %" PRIu64, length,
					  offset);
		if (done == 0)
			return fail(err, BS_OUT_OF_RANGE,
				    "the file has become shorter: it ends before byte %" PRIu64,
				    offset + length);
		next += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
	return 0;
}

int file_write_at(int descriptor, uint64_t offset, const void *buffer, size_t length,
		  struct bs_error *err)
{
	const uint8_t *next = buffer;

	while (length > 0) {
		ssize_t done = pwrite(descriptor, next, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_system(err, "cannot write %zu bytes at %" PRIu64, length,
					   offset);
		next += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
	return 0;
}

static int file_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		     struct bs_error *err)
{
	return file_read_at(((struct file *)disk)->descriptor, offset, buffer, length, err);
}

static void file_close(struct disk *disk)
{
	free(disk);
}

static int file_descriptor(const struct disk *disk)
{
	return ((const struct file *)disk)->descriptor;
}

/* Where holes are not known, lseek() fails, or finds data everywhere. */
static bool file_is_hole(const struct disk *disk, uint64_t offset, uint64_t length)
{
	off_t data = lseek(((const struct file *)disk)->descriptor, (off_t)offset, SEEK_DATA);

	return data >= 0 ? (uint64_t)data >= offset + length : errno == ENXIO;
}

static const struct disk_operations file_operations = {
	.read = file_read,
	.close = file_close,
	.descriptor = file_descriptor,
	.is_hole = file_is_hole,
};

struct disk *file_open(int descriptor, struct bs_error *err)
{
	struct file *file;
	struct stat status;
	off_t size;

	/* st_size of a block device is 0, so the offset of the end is the size. */
	if (fstat(descriptor, &status) != 0 ||
	    ((size = lseek(descriptor, 0, SEEK_END)) < 0 && errno != ESPIPE)) {
		fail_errno(err, BS_IO, "cannot read the properties of the file");
		return NULL;
	}
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
		fail(err, BS_NOT_AN_IMAGE, "is not a regular file");
		return NULL;
	}
	file = calloc(1, sizeof(*file));
	if (!file) {
		fail_memory(err);
		return NULL;
	}
	file->disk.operations = &file_operations;
	file->disk.size = (uint64_t)size;
	file->descriptor = descriptor;
	return &file->disk;
}

bool file_is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool file_has_name(int descriptor, const char *path)
{
	struct stat opened, named;

	errno = 0;
	if (fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0)
		return file_is_same(&opened, &named);
	if (errno == ENOENT || errno == ENOTDIR)
		errno = 0; /* nothing has this name */
	return false;
}
