/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading past the page cache; see reread.h. */
#include "disk/reread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/memory.h"
#include "util/range.h"

/* O_DIRECT needs offset, length and memory aligned to the device's blocks of at most 4096 bytes. */
#define ALIGNMENT   4096u
#define PART_MAX    (1u << 20) /* bytes read at once */
#define PART_MIN    (1u << 17) /* changes of an image often lie close together */
#define BUFFER_SIZE (PART_MAX + 2 * ALIGNMENT)

struct reread {
	struct disk disk;
	int descriptor; /* the caller's */
	bool direct;
	uint8_t *buffer;    /* memory_large(): aligned for O_DIRECT */
	struct range there; /* what the buffer has */
};

/* For file systems without O_DIRECT.  Some refuse O_DIRECT at the open, others at a read. */
static void reread_use_cache(struct reread *reread)
{
	int flags = fcntl(reread->descriptor, F_GETFL);

	reread->direct = false;
	if (flags >= 0 && (flags & O_DIRECT))
		(void)fcntl(reread->descriptor, F_SETFL, flags & ~O_DIRECT);
	(void)posix_fadvise(reread->descriptor, 0, 0, POSIX_FADV_DONTNEED); /* advice only */
}

/* Reads an aligned range, or less at the end of the file.  Returns the count, or -1 with errno. */
static ssize_t reread_aligned(struct reread *reread, uint64_t start, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count = pread(reread->descriptor, reread->buffer + done, length - done,
				      (off_t)(start + done));

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		done += (size_t)count;
		if (count == 0 || (reread->direct && done % ALIGNMENT != 0))
			break; /* the end of the file */
	}
	return (ssize_t)done;
}

/* As reread_aligned(), also on file systems without O_DIRECT. */
static ssize_t reread_part(struct reread *reread, uint64_t start, uint64_t end)
{
	ssize_t count = reread_aligned(reread, start, (size_t)(end - start));

	if (count >= 0 || errno != EINVAL || !reread->direct)
		return count;
	reread_use_cache(reread);
	return reread_aligned(reread, start, (size_t)(end - start));
}

static uint64_t reread_align_up(uint64_t offset)
{
	return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/*
 * Reads at most PART_MAX bytes.  If the bytes behind them cannot be read ahead, reads only those
 * that are asked for.
 */
static int reread_range(struct reread *reread, uint64_t offset, void *bytes, size_t length,
			struct bs_error *err)
{
	uint64_t start = offset / ALIGNMENT * ALIGNMENT;
	uint64_t wanted = reread_align_up(offset + length);
	uint64_t end = max_u64(wanted, start + PART_MIN);
	ssize_t count;

	reread->there.length = 0;
	count = reread_part(reread, start, end);
	if (count < 0 && end > wanted)
		count = reread_part(reread, start, wanted);
	if (count < 0)
		return fail_errno(err, BS_IO, "cannot read the image at byte %" PRIu64, offset);
	if (start + (uint64_t)count < offset + length)
		return fail(err, BS_OUT_OF_RANGE, "the image ends before byte %" PRIu64,
			    offset + length);
	reread->there = (struct range){start, (uint64_t)count};
	memcpy(bytes, reread->buffer + (offset - start), length);
	return 0;
}

static int reread_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	struct reread *reread = (struct reread *)disk;
	uint8_t *to = buffer;

	while (length > 0) {
		size_t part = (size_t)min_u64(length, PART_MAX);

		if (range_contains(reread->there, (struct range){offset, part}))
			memcpy(to, reread->buffer + (offset - reread->there.offset), part);
		else if (reread_range(reread, offset, to, part, err) < 0)
			return -1;
		to += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static void reread_close(struct disk *disk)
{
	free(((struct reread *)disk)->buffer);
	free(disk);
}

static const struct disk_operations reread_operations = {
	.read = reread_read,
	.close = reread_close,
};

int reread_open_descriptor(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECT);

	if (descriptor < 0 && errno == EINVAL)
		descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return descriptor;
}

struct disk *reread_open(int descriptor, struct bs_error *err)
{
	off_t size = lseek(descriptor, 0, SEEK_END);
	int flags = fcntl(descriptor, F_GETFL);
	struct reread *reread;

	if (size < 0 || flags < 0) {
		fail_errno(err, BS_IO, "cannot look at the image");
		return NULL;
	}
	reread = calloc(1, sizeof(*reread));
	if (reread)
		reread->buffer = memory_large(BUFFER_SIZE);
	if (!reread || !reread->buffer) {
		free(reread);
		fail_memory(err);
		return NULL;
	}
	reread->disk = (struct disk){.operations = &reread_operations, .size = (uint64_t)size};
	reread->descriptor = descriptor;
	reread->direct = flags & O_DIRECT;
	if (!reread->direct)
		reread_use_cache(reread);
	return &reread->disk;
}
