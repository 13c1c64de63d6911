/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/exchange.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

struct exchange {
	struct disk disk;
	struct disk *below; /* borrowed; NULL: none */
	pthread_mutex_t lock;
};

static int exchange_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			 struct bs_error *err)
{
	struct exchange *exchange = (struct exchange *)disk;
	uint64_t size;
	size_t there;
	int result;

	pthread_mutex_lock(&exchange->lock);
	size = exchange->below ? disk_size(exchange->below) : 0;
	there = offset < size ? (size_t)min_u64(length, size - offset) : 0;
	memset((uint8_t *)buffer + there, 0, length - there);
	result = there > 0 ? disk_read(exchange->below, offset, buffer, there, err) : 0;
	pthread_mutex_unlock(&exchange->lock);
	return result;
}

static void exchange_close(struct disk *disk)
{
	pthread_mutex_destroy(&((struct exchange *)disk)->lock);
	free(disk);
}

struct disk *exchange_open(uint64_t size, struct bs_error *err)
{
	static const struct disk_operations operations = {
		.read = exchange_read,
		.close = exchange_close,
	};
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange) {
		fail_memory(err);
		return NULL;
	}
	exchange->disk.operations = &operations;
	exchange->disk.size = size;
	pthread_mutex_init(&exchange->lock, NULL);
	return &exchange->disk;
}

void exchange_set(struct disk *disk, struct disk *below)
{
	struct exchange *exchange = (struct exchange *)disk;

	pthread_mutex_lock(&exchange->lock);
	exchange->below = below;
	pthread_mutex_unlock(&exchange->lock);
}
