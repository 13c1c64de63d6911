/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/shared.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct shared {
	struct disk disk;
	struct disk *below;
	pthread_mutex_t lock;
};

static int shared_fail(struct bs_error *err)
{
	return fail(err, BS_IO, "the disk is not there at the moment");
}

static int shared_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	struct shared *shared = (struct shared *)disk;
	int result;

	pthread_mutex_lock(&shared->lock);
	result = shared->below ? disk_read(shared->below, offset, buffer, length, err)
			       : shared_fail(err);
	pthread_mutex_unlock(&shared->lock);
	return result;
}

static int shared_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	struct shared *shared = (struct shared *)disk;
	int result;

	pthread_mutex_lock(&shared->lock);
	result = shared->below ? disk_write(shared->below, offset, buffer, length, err)
			       : shared_fail(err);
	pthread_mutex_unlock(&shared->lock);
	return result;
}

static int shared_flush(struct disk *disk, struct bs_error *err)
{
	struct shared *shared = (struct shared *)disk;
	int result;

	pthread_mutex_lock(&shared->lock);
	result = shared->below ? disk_flush(shared->below, err) : shared_fail(err);
	pthread_mutex_unlock(&shared->lock);
	return result;
}

static void shared_close(struct disk *disk)
{
	pthread_mutex_destroy(&((struct shared *)disk)->lock);
	free(disk);
}

struct shared *shared_open(struct disk *below, struct bs_error *err)
{
	static const struct disk_operations operations = {
		.read = shared_read,
		.write = shared_write,
		.flush = shared_flush,
		.close = shared_close,
	};
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared) {
		fail_memory(err);
		return NULL;
	}
	shared->disk.operations = &operations;
	shared->disk.size = disk_size(below);
	shared->below = below;
	pthread_mutex_init(&shared->lock, NULL);
	return shared;
}

struct disk *shared_disk(struct shared *shared)
{
	return &shared->disk;
}

void shared_exchange(struct shared *shared, struct disk *below)
{
	assert(!below || disk_size(below) == shared->disk.size);
	pthread_mutex_lock(&shared->lock);
	shared->below = below;
	pthread_mutex_unlock(&shared->lock);
}
