/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/images.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "support/program.h"
#include "util/bytes.h"

#define CHUNK (1u << 20) /* bytes copied, hashed or compared at a time */
#define BLOCK 4096u

#define MEMORY_MIN (6ull << 30) /* free bytes in memory from which on memory is used */

/* Set before the tests run.  The process of every test is a fork of the process that set it. */
static struct {
	char root[48];
	char path[72]; /* of the test case */
	pid_t owner;
} folder;

/* No assertions here and in the next functions: assertions of Check work only while a test runs. */
static void remove_folder(void)
{
	char command[sizeof(folder.root) + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder.root);
	if (getpid() != folder.owner)
		return; /* the processes of the tests call exit() too */
	signal(SIGTERM, SIG_IGN);
	if (system(command) != 0)
		perror(folder.root);
}

/*
 * A folder in memory if enough memory is free, because thousands of syncs take long on a disk.  The
 * tests with the tag `slow` use a disk, see the Makefile.
 */
static const char *base_folder(void)
{
	static const char memory[] = "/dev/shm";
	struct statvfs status;

	if (getenv("TMPDIR"))
		return getenv("TMPDIR");
	if (statvfs(memory, &status) == 0 && access(memory, W_OK) == 0 &&
	    (uint64_t)status.f_bavail * status.f_frsize >= MEMORY_MIN)
		return memory;
	return "/tmp";
}

void images_prepare(void)
{
	char sources[PATH_MAX], link[sizeof(folder.root) + 8];

	folder.owner = getpid();
	snprintf(folder.root, sizeof(folder.root), "%.30s/bootshift-XXXXXX", base_folder());
	if (!mkdtemp(folder.root) || atexit(remove_folder) != 0 || !realpath("images", sources) ||
	    snprintf(link, sizeof(link), "%s/images", folder.root) < 0 ||
	    symlink(sources, link) < 0 || chmod(folder.root, 0711) < 0) {
		perror("no folder for the sample images (run the tests in the source folder)");
		exit(EXIT_FAILURE);
	}
}

void images_enter(void)
{
	snprintf(folder.path, sizeof(folder.path), "%s/%d", folder.root, (int)getpid());
	if (mkdir(folder.path, 0700) < 0) {
		perror(folder.path);
		exit(EXIT_FAILURE);
	}
}

const char *images_folder(void)
{
	return folder.path;
}

const char *test_folder(void)
{
	char *path = (char *)text("%s/folder-XXXXXX", folder.path);

	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

const char *bootshift_for_everyone(void)
{
	ASSERT_STATUS(RUN("sh", "-c",
			  text("cp $(ldd '%s' | grep -o '/.*/libbootshift[^ ]*') '%s' '%s'",
			       bootshift_path(), bootshift_path(), folder.path)),
		      0);
	ck_assert_int_eq(chmod(folder.path, 0755), 0);
	return text("%s/bootshift", folder.path);
}

/* ---- building ------------------------------------------------------------------------------ */

/*
 * Builds an image unless it exists already.  The image gets a folder of its own, so that images of
 * other tests, which are built at the same time, are not found there.
 */
static const char *build(const char *recipe, const char *name, bool vhd)
{
	const char *builder = getenv("BUILD_IMAGE");
	const char *own = text("%s/image-%s", folder.root, name);
	const char *image = text("%s/%s.%s", own, name, vhd ? "vhd" : "img");
	const char *lock = text("%s/%s.lock", folder.root, name);
	int descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert(descriptor >= 0 && flock(descriptor, LOCK_EX) == 0);
	ck_assert(mkdir(own, 0755) == 0 || errno == EEXIST);
	/* The builder frees its memory only at the end of its process.  This is not a leak. */
	if (access(image, F_OK) != 0)
		free(image_run(0, "ASAN_OPTIONS=detect_leaks=0 '%s' '%s' '%s'",
			       builder ? builder : BUILD_IMAGE, recipe, image));
	close(descriptor);
	return image;
}

const char *image_built(const char *recipe, bool vhd)
{
	return build(text("%s/images/%s.recipe", folder.root, recipe), recipe, vhd);
}

/* The recipe is in a folder in which "images/" leads to the recipes of the project. */
static const char *write_recipe(const char *content)
{
	const char *source = text("%s/%d.recipe", folder.root, (int)getpid());
	FILE *file = fopen(source, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return source;
}

const char *image_recipe(const char *name, const char *content)
{
	return build(write_recipe(content), name, false);
}

const char *image_small(const char *recipe, bool vhd)
{
	/* Windows 10 has a system partition of 500 MiB. */
	const char *size = strcmp(recipe, "windows-10") == 0 ? "1000M" : "600M";
	const char *content = text("include images/%s.recipe\n"
				   "disk size=%s\n"
				   "partition windows size=490M\n",
				   recipe, size);

	return build(write_recipe(content), text("small-%s", recipe), vhd);
}

/* ---- all data of a file, hole by hole ------------------------------------------------------ */

/* Gets one piece of a file's data: `length` bytes at `offset`. */
typedef void piece_taker(void *context, uint64_t offset, const uint8_t *bytes, size_t length);

static void each_piece(int descriptor, piece_taker *take, void *context)
{
	uint8_t *buffer = malloc(CHUNK);
	off_t data = lseek(descriptor, 0, SEEK_DATA), hole;

	ck_assert_ptr_nonnull(buffer);
	for (; data >= 0; data = lseek(descriptor, hole, SEEK_DATA)) {
		hole = lseek(descriptor, data, SEEK_HOLE);
		ck_assert(hole > data);
		while (data < hole) {
			size_t length = min_u64((uint64_t)(hole - data), CHUNK);

			ck_assert_int_eq(pread(descriptor, buffer, length, data), (ssize_t)length);
			take(context, (uint64_t)data, buffer, length);
			data += (off_t)length;
		}
	}
	ck_assert_int_eq(errno, ENXIO); /* no more data */
	free(buffer);
}

static void write_piece(void *context, uint64_t offset, const uint8_t *bytes, size_t length)
{
	ck_assert_int_eq(pwrite(*(int *)context, bytes, length, (off_t)offset), (ssize_t)length);
}

const char *image_copy(const char *image)
{
	const char *name = strrchr(image, '/') + 1;
	const char *copy = text("%s/%s", test_folder(), name);
	int from = open(image, O_RDONLY), to;
	struct stat status;

	to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ck_assert(from >= 0 && to >= 0 && fstat(from, &status) == 0 &&
		  ftruncate(to, status.st_size) == 0);
	each_piece(from, write_piece, &to);
	ck_assert_int_eq(close(from), 0);
	ck_assert_int_eq(close(to), 0);
	return copy;
}

const char *image_without_first_partition(const char *image)
{
	const char *copy = image_copy(image);
	int descriptor = open(copy, O_RDWR);
	uint8_t sector[512];
	const uint8_t *entry = sector + 0x1BE;

	ck_assert(descriptor >= 0 && pread(descriptor, sector, 512, 0) == 512);
	ck_assert_int_eq(fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   512ll * load_le32(entry + 8), 512ll * load_le32(entry + 12)),
			 0);
	ck_assert_int_eq(close(descriptor), 0);
	return copy;
}

void image_remove(const char *copy)
{
	free(image_run(0, "rm -rf '%.*s'", (int)(strrchr(copy, '/') - copy), copy));
}

/*
 * Blocks of zeros are left out, as holes are, so that both give the same hash.  If a block has the
 * same byte everywhere, as most blocks of $LogFile do, only that byte is hashed.
 */
static void hash_piece(void *context, uint64_t offset, const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length; at += BLOCK) {
		size_t part = min_u64(length - at, BLOCK);
		bool uniform = memcmp(bytes + at, bytes + at + 1, part - 1) == 0;
		uint8_t header[9];

		if (uniform && bytes[at] == 0)
			continue;
		store_le64(header, offset + at);
		header[8] = uniform;
		sha256_update(context, sizeof(header), header);
		sha256_update(context, uniform ? 1 : part, bytes + at);
	}
}

struct image_digest image_digest(const char *image)
{
	int descriptor = open(image, O_RDONLY);
	struct image_digest digest;
	struct sha256_ctx hash;
	struct stat status;
	uint8_t size[8];

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(fstat(descriptor, &status), 0);
	store_le64(size, (uint64_t)status.st_size);
	sha256_init(&hash);
	sha256_update(&hash, sizeof(size), size);
	each_piece(descriptor, hash_piece, &hash);
	sha256_digest(&hash, sizeof(digest.bytes), digest.bytes);
	close(descriptor);
	return digest;
}

void image_assert_same(const char *image, const struct image_digest *expected)
{
	struct image_digest digest = image_digest(image);

	ck_assert_msg(memcmp(&digest, expected, sizeof(digest)) == 0, "%s has changed", image);
}

/* ---- other programs ------------------------------------------------------------------------ */

const char *image_extract(struct disk *disk, uint64_t start, uint64_t size)
{
	char *path = (char *)text("%s/volume-XXXXXX", folder.path);
	uint8_t *buffer = malloc(CHUNK);
	int descriptor = mkstemp(path);
	struct bs_error err;

	ck_assert_ptr_nonnull(buffer);
	ck_assert(descriptor >= 0 && ftruncate(descriptor, (off_t)size) == 0);
	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t length = min_u64(size - at, CHUNK);

		ck_assert_int_eq(disk_read(disk, start + at, buffer, length, &err), 0);
		if (!all_zero(buffer, length))
			write_piece(&descriptor, at, buffer, length);
	}
	ck_assert_int_eq(close(descriptor), 0);
	free(buffer);
	return path;
}

char *image_run(int status, const char *format, ...)
{
	char *command, *line, *text = NULL;
	size_t length;
	va_list arguments;
	FILE *pipe;
	int ended;

	va_start(arguments, format);
	if (vasprintf(&command, format, arguments) < 0 ||
	    asprintf(&line, "PATH=$PATH:/usr/sbin:/sbin; { %s; } 2>&1", command) < 0)
		abort();
	va_end(arguments);
	pipe = popen(line, "r");
	if (pipe == NULL || getdelim(&text, &length, EOF, pipe) == -1)
		text = text != NULL ? text : strdup("");
	ended = pipe != NULL ? pclose(pipe) : -1;
	ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == status, "%s: status %x\n%s",
		      command, (unsigned)ended, text);
	free(command);
	free(line);
	return text;
}
