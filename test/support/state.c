/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/bytes.h"

#define CHUNK (1u << 20) /* bytes copied at a time */

/* Sectors by which the file system's own blocks (of extents) may differ for the same data. */
#define BLOCKS_TOLERANCE 64

static int open_file(const char *path, int flags)
{
	int descriptor = open(path, flags | O_CLOEXEC, 0644);

	ck_assert_msg(descriptor >= 0, "%s cannot be opened", path);
	return descriptor;
}

void file_read(const char *path, uint64_t offset, void *bytes, size_t length)
{
	int descriptor = open_file(path, O_RDONLY);

	ck_assert_int_eq(pread(descriptor, bytes, length, (off_t)offset), (ssize_t)length);
	close(descriptor);
}

void file_write(const char *path, uint64_t offset, const void *bytes, size_t length)
{
	int descriptor = open_file(path, O_WRONLY);

	ck_assert_int_eq(pwrite(descriptor, bytes, length, (off_t)offset), (ssize_t)length);
	ck_assert_int_eq(close(descriptor), 0);
}

void file_flip(const char *path, uint64_t offset)
{
	uint8_t byte;

	file_read(path, offset, &byte, 1);
	byte ^= 0xff;
	file_write(path, offset, &byte, 1);
}

const char *file_extract(const char *path, const char *name, uint64_t start, uint64_t size)
{
	const char *copy = text("%.*s/%s", (int)(strrchr(path, '/') - path), path, name);
	int from = open_file(path, O_RDONLY), to = open_file(copy, O_WRONLY | O_CREAT | O_TRUNC);
	off_t end = (off_t)(start + size), data = lseek(from, (off_t)start, SEEK_DATA);
	uint8_t *buffer = malloc(CHUNK);

	ck_assert(buffer != NULL && ftruncate(to, (off_t)size) == 0);
	while (data >= 0 && data < end) { /* ends: data grows, up to the last hole */
		off_t hole = lseek(from, data, SEEK_HOLE);

		for (hole = hole < end ? hole : end; data < hole;) {
			size_t length = min_u64((uint64_t)(hole - data), CHUNK);

			ck_assert_int_eq(pread(from, buffer, length, data), (ssize_t)length);
			ck_assert_int_eq(pwrite(to, buffer, length, data - (off_t)start),
					 (ssize_t)length);
			data += (off_t)length;
		}
		data = lseek(from, data, SEEK_DATA);
	}
	free(buffer);
	close(from);
	ck_assert_int_eq(close(to), 0);
	return copy;
}

/* ---- states --------------------------------------------------------------------------------- */

static const char *find_data(const char *image)
{
	int descriptor = open_file(image, O_RDONLY);
	off_t data = lseek(descriptor, 0, SEEK_DATA), hole;
	char *map = NULL;
	size_t length;
	FILE *stream = open_memstream(&map, &length);
	const char *kept;

	ck_assert_ptr_nonnull(stream);
	for (; data >= 0; data = lseek(descriptor, hole, SEEK_DATA)) {
		hole = lseek(descriptor, data, SEEK_HOLE);
		fprintf(stream, "%lld-%lld\n", (long long)data, (long long)hole);
	}
	ck_assert_int_eq(fclose(stream), 0);
	close(descriptor);
	kept = text("%s", map);
	free(map);
	return kept;
}

const char *state_folder(const char *image)
{
	const char *folder = text("%.*s", (int)(strrchr(image, '/') - image), image);
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	const char *names = "";

	ck_assert_int_ge(count, 0);
	for (int i = 0; i < count; i++) {
		names = text("%s%s\n", names, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return names;
}

static const char *find_attributes(const char *image)
{
	char names[4096];
	ssize_t length = listxattr(image, names, sizeof(names));
	const char *found = "";

	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
		found = text("%s%s\n", found, names + at);
	return found;
}

struct image_state state_take(const char *image)
{
	struct image_state state = {
		.digest = image_digest(image),
		.data = find_data(image),
		.folder = state_folder(image),
		.attributes = find_attributes(image),
	};

	ck_assert_int_eq(stat(image, &state.status), 0);
	return state;
}

static void assert_same_time(const struct timespec *now, const struct timespec *before)
{
	ck_assert_int_eq(now->tv_sec, before->tv_sec);
	ck_assert_int_eq(now->tv_nsec, before->tv_nsec);
}

static void assert_same(const char *image, const struct image_state *before,
			const struct image_state *now)
{
	ck_assert_msg(memcmp(&now->digest, &before->digest, sizeof(now->digest)) == 0,
		      "the bytes of %s have changed", image);
	ck_assert_str_eq(now->folder, before->folder);
	ck_assert_str_eq(now->attributes, before->attributes);
	ck_assert_str_eq(now->data, before->data);
	ck_assert_uint_eq(now->status.st_mode, before->status.st_mode);
	ck_assert_uint_eq(now->status.st_ino, before->status.st_ino);
	ck_assert_int_le(llabs((long long)(now->status.st_blocks - before->status.st_blocks)),
			 BLOCKS_TOLERANCE);
}

void state_assert_untouched(const char *image, const struct image_state *before)
{
	struct image_state now = state_take(image);

	assert_same(image, before, &now);
	assert_same_time(&now.status.st_mtim, &before->status.st_mtim);
	assert_same_time(&now.status.st_ctim, &before->status.st_ctim);
}

void state_assert_restored(const char *image, const struct image_state *before)
{
	struct image_state now = state_take(image);

	assert_same(image, before, &now);
}
