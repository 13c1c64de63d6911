/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker's end of the channel.  It runs confined, so after its opening it uses nothing of the
 * system but sendmsg and recvmsg, and allocates nothing.
 *
 * An exchange is a request and its answer.  When one breaks off, the bytes still on their way
 * would be taken for the next answer, so the disk stays broken from then on.
 */
#include <stdlib.h>

#include "util/bytes.h"
#include "worker/remote-wire.h"

#define FOR_EVER (-1) /* the other side's end ends the wait, too */

struct remote {
	struct disk disk;
	int socket;
	bool broken;
};

/* Makes the failure that the other side sent our own. */
static int receive_failure(struct remote *remote, const struct remote_header *header,
			   struct bs_error *err)
{
	char text[sizeof(err->message)] = {0};

	if (header->detail == BS_OK || header->detail >= BS_CODE_COUNT ||
	    header->length >= sizeof(text))
		return fail(err, BS_WORKER, "the other process sent an error that cannot be");
	if (remote_receive(remote->socket, text, (size_t)header->length, FOR_EVER, err) != 0)
		return -1;
	/* It will be printed: nothing of it may steer a terminal. */
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
static int exchange(struct remote *remote, const struct remote_header *request, const void *payload,
		    size_t sent, void *answer, size_t expected, struct bs_error *err)
{
	struct remote_header header;

	if (remote->broken)
		return fail(err, BS_WORKER, "the connection to the other process is broken");
	remote->broken = true; /* until the whole exchange is over */
	if (remote_send(remote->socket, request, payload, sent, FOR_EVER, err) != 0 ||
	    remote_receive_header(remote->socket, &header, FOR_EVER, err) != 0)
		return -1;
	if (header.kind == REMOTE_FAILURE)
		return receive_failure(remote, &header, err);
	if (header.kind != REMOTE_ANSWER || header.length != expected)
		return fail(err, BS_WORKER, "the other process sent an answer that cannot be");
	if (remote_receive(remote->socket, answer, expected, FOR_EVER, err) != 0)
		return -1;
	remote->broken = false;
	return 0;
}

static int remote_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	uint8_t *next = buffer;

	while (length > 0) {
		size_t part = (size_t)min_u64(length, REMOTE_CHUNK_SIZE);
		struct remote_header request = {REMOTE_READ, 0, offset, part};

		if (exchange((struct remote *)disk, &request, NULL, 0, next, part, err) != 0)
			return -1;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int remote_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	const uint8_t *next = buffer;

	while (length > 0) {
		size_t part = (size_t)min_u64(length, REMOTE_CHUNK_SIZE);
		struct remote_header request = {REMOTE_WRITE, 0, offset, part};

		if (exchange((struct remote *)disk, &request, next, part, NULL, 0, err) != 0)
			return -1;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int remote_flush(struct disk *disk, struct bs_error *err)
{
	struct remote_header request = {REMOTE_FLUSH, 0, 0, 0};

	return exchange((struct remote *)disk, &request, NULL, 0, NULL, 0, err);
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
		fail(err, BS_NO_MEMORY, "no memory for the connection to the other process");
		return NULL;
	}
	remote->disk.operations = &remote_operations;
	remote->disk.size = size;
	remote->socket = socket;
	return &remote->disk;
}
