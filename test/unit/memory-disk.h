/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk in memory for tests.  It counts the calls, and fails if `failure` says so.  Includes
 * check.h.
 */
#ifndef BOOTSHIFT_TEST_MEMORY_DISK_H
#define BOOTSHIFT_TEST_MEMORY_DISK_H

#include "support/test.h"
#undef fail /* an outdated macro of check.h; it would hide the function in util/err.h */
#include <stdlib.h>
#include <string.h>

#include "disk/disk.h"

struct memory_disk {
	struct disk disk;
	uint8_t *bytes;
	size_t reads, writes, flushes; /* calls */
	uint64_t bytes_read;
	enum bs_code failure; /* BS_OK, or the error of every operation */
	uint64_t bad;         /* offset of a byte that cannot be read; 0: none */
};

static inline int memory_disk_fail(const struct memory_disk *memory, struct bs_error *err)
{
	return memory->failure ? fail(err, memory->failure, "told to fail") : 0;
}

static inline int memory_disk_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
				   struct bs_error *err)
{
	struct memory_disk *memory = (struct memory_disk *)disk;

	memory->reads++;
	memory->bytes_read += length;
	if (memory->bad != 0 && memory->bad >= offset && memory->bad - offset < length)
		return fail(err, BS_IO, "a bad sector");
	memcpy(buffer, memory->bytes + offset, length);
	return memory_disk_fail(memory, err);
}

static inline int memory_disk_write(struct disk *disk, uint64_t offset, const void *buffer,
				    size_t length, struct bs_error *err)
{
	struct memory_disk *memory = (struct memory_disk *)disk;

	memory->writes++;
	if (!memory->failure)
		memcpy(memory->bytes + offset, buffer, length);
	return memory_disk_fail(memory, err);
}

static inline int memory_disk_flush(struct disk *disk, struct bs_error *err)
{
	struct memory_disk *memory = (struct memory_disk *)disk;

	memory->flushes++;
	return memory_disk_fail(memory, err);
}

static inline void memory_disk_close(struct disk *disk)
{
	free(((struct memory_disk *)disk)->bytes);
	free(disk);
}

/*
 * Makes a disk on which no two sectors have the same bytes.  The caller frees it with disk_close().
 */
static inline struct memory_disk *memory_disk_open(size_t size)
{
	static const struct disk_operations operations = {
		.read = memory_disk_read,
		.write = memory_disk_write,
		.flush = memory_disk_flush,
		.close = memory_disk_close,
	};
	struct memory_disk *memory = calloc(1, sizeof(*memory));

	ck_assert_ptr_nonnull(memory);
	memory->disk.operations = &operations;
	memory->disk.size = size;
	memory->bytes = malloc(size + 1);
	ck_assert_ptr_nonnull(memory->bytes);
	for (size_t i = 0; i < size; i++)
		memory->bytes[i] = (uint8_t)(i / 512 * 7 + i % 512 * 3 + i / 131072 + 1);
	return memory;
}

#endif
