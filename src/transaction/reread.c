/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading past the page cache; see reread.h. */
#include "transaction/reread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transaction/io.h"
#include "transaction/journal.h"

/* O_DIRECT wants offset, length and memory aligned to the device's sectors, 4096 at most. */
#define ALIGNMENT   4096u
#define BUFFER_SIZE (JOURNAL_RANGE_MAX + 2 * ALIGNMENT)

/* For file systems without O_DIRECT (some refuse it at open, some at the first read). */
static void use_cache(struct reread *reread)
{
	int flags = fcntl(reread->descriptor, F_GETFL);

	reread->direct = false;
	if (flags >= 0 && (flags & O_DIRECT))
		(void)fcntl(reread->descriptor, F_SETFL, flags & ~O_DIRECT);
	(void)posix_fadvise(reread->descriptor, 0, 0, POSIX_FADV_DONTNEED); /* advice only */
}

int reread_open(const char *path, struct reread *reread, struct bs_error *err)
{
	reread->direct = true;
	reread->buffer = NULL;
	reread->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (reread->descriptor < 0 && errno == EINVAL) {
		reread->direct = false;
		reread->descriptor = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (reread->descriptor < 0)
		return fail_errno(err, transaction_code(errno), "cannot open the image");
	if (!reread->direct)
		use_cache(reread);
	if (fstat(reread->descriptor, &reread->stat) < 0) {
		fail_errno(err, BS_IO, "cannot look at the image");
		goto out;
	}
	reread->buffer = aligned_alloc(ALIGNMENT, BUFFER_SIZE);
	if (!reread->buffer) {
		fail(err, BS_NO_MEMORY, "out of memory");
		goto out;
	}
	return 0;
out:
	reread_close(reread);
	return -1;
}

/* Reads an aligned range up to the end of the file; the count, or -1 with errno. */
static ssize_t read_aligned(struct reread *reread, uint64_t start, size_t length)
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

int reread_range(struct reread *reread, uint64_t offset, uint64_t length, const uint8_t **bytes,
		 struct bs_error *err)
{
	uint64_t start = offset / ALIGNMENT * ALIGNMENT;
	uint64_t end = (offset + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	ssize_t count = read_aligned(reread, start, (size_t)(end - start));

	if (count < 0 && errno == EINVAL && reread->direct) {
		use_cache(reread);
		count = read_aligned(reread, start, (size_t)(end - start));
	}
	if (count < 0)
		return fail_errno(err, BS_IO, "cannot read the image at byte %llu",
				  (unsigned long long)offset);
	if (start + (uint64_t)count < offset + length)
		return fail(err, BS_OUT_OF_RANGE, "the image ends before byte %llu",
			    (unsigned long long)(offset + length));
	*bytes = reread->buffer + (offset - start);
	return 0;
}

void reread_close(struct reread *reread)
{
	if (reread->descriptor >= 0)
		close(reread->descriptor);
	reread->descriptor = -1;
	free(reread->buffer);
	reread->buffer = NULL;
}
