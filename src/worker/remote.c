/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker's end of the channel.  The worker is confined, so once the channel is open, this code
 * makes no system calls but sendmsg and recvmsg, and allocates nothing.
 *
 * An exchange is a request and its answer.  After an exchange fails halfway, its late bytes would
 * look like the next answer.  So the disk then stays broken.
 */
#include <stdlib.h>

#include "util/bytes.h"
#include "worker/remote-wire.h"

struct remote {
	struct disk disk;
	int socket;
	bool broken;
};

/* Receives the error with which the parent answers a request. */
static int remote_receive_failure(struct remote *remote, const struct remote_header *header,
				  struct bs_error *err)
{
	char text[sizeof(err->message)] = {0};

	if (header->detail == BS_OK || header->detail >= BS_CODE_COUNT ||
	    header->length >= sizeof(text))
		return fail(err, BS_WORKER, "the parent process sent an invalid error");
	if (remote_receive(remote->socket, text, (size_t)header->length, REMOTE_FOREVER, err) < 0)
		return -1;
	/* The text will be printed, so it must not contain terminal control characters. */
	for (size_t i = 0; i < header->length; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	remote->broken = false;
	return fail(err, (enum bs_code)header->detail, "%s", text);
}

/*
 * Sends a request with `sent` bytes of payload and receives the answer, which must have exactly
 * `expected` bytes.
 */
static int remote_exchange(struct remote *remote, const struct remote_header *request,
			   const void *payload, size_t sent, void *answer, size_t expected,
			   struct bs_error *err)
{
	struct remote_header header;

	if (remote->broken)
		return fail(err, BS_WORKER, "the channel to the parent process is broken");
	remote->broken = true; /* until the whole exchange is over */
	if (remote_send(remote->socket, request, payload, sent, REMOTE_FOREVER, err) < 0 ||
	    remote_receive_header(remote->socket, &header, REMOTE_FOREVER, err) < 0)
		return -1;
	if (header.kind == REMOTE_FAILURE)
		return remote_receive_failure(remote, &header, err);
	if (header.kind != REMOTE_ANSWER || header.length != expected)
		return fail(err, BS_WORKER, "the parent process sent an invalid answer");
	if (remote_receive(remote->socket, answer, expected, REMOTE_FOREVER, err) < 0)
		return -1;
	remote->broken = false;
	return 0;
}

/* Writes `bytes`, or reads into `buffer`; the other one is NULL. */
static int remote_transfer(struct disk *disk, enum remote_kind kind, uint64_t offset,
			   const uint8_t *bytes, uint8_t *buffer, size_t length,
			   struct bs_error *err)
{
	for (size_t done = 0; done < length;) {
		size_t part = min_u64(length - done, REMOTE_CHUNK_SIZE);
		const struct remote_header request = {kind, 0, offset + done, part};

		if (remote_exchange((struct remote *)disk, &request, bytes ? bytes + done : NULL,
				    bytes ? part : 0, buffer ? buffer + done : NULL,
				    buffer ? part : 0, err) < 0)
			return -1;
		done += part;
	}
	return 0;
}

static int remote_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	return remote_transfer(disk, REMOTE_READ, offset, NULL, buffer, length, err);
}

static int remote_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	return remote_transfer(disk, REMOTE_WRITE, offset, buffer, NULL, length, err);
}

static int remote_flush(struct disk *disk, struct bs_error *err)
{
	const struct remote_header request = {REMOTE_FLUSH, 0, 0, 0};

	return remote_exchange((struct remote *)disk, &request, NULL, 0, NULL, 0, err);
}

static void remote_close(struct disk *disk)
{
	free(disk);
}

static const struct disk_operations remote_operations = {
	.read = remote_read,
	.write = remote_write,
	.flush = remote_flush,
	.close = remote_close,
};

struct disk *remote_open(int socket, uint64_t size, struct bs_error *err)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (!remote) {
		(void)fail_memory(err);
		return NULL;
	}
	remote->disk.operations = &remote_operations;
	remote->disk.size = size;
	remote->socket = socket;
	return &remote->disk;
}
