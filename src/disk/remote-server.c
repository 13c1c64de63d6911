/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's end of the channel.  The worker parses what nobody vouches for and may have been
 * taken over, so every request counts as hostile: its length is checked against the buffer here,
 * its range by the disk, and what it may write by the guard in the disk's stack.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/remote-wire.h"

struct server {
	int socket;
	int patience;
	struct disk *disk;
	uint8_t buffer[REMOTE_CHUNK_SIZE];
};

static int send_answer(const struct server *server, size_t length, struct bs_error *err)
{
	struct remote_header header = {.kind = REMOTE_ANSWER, .length = length};

	return remote_send(server->socket, &header, server->buffer, length, server->patience, err);
}

static int send_failure(const struct server *server, const struct bs_error *failure,
			struct bs_error *err)
{
	struct remote_header header = {
		.kind = REMOTE_FAILURE,
		.detail = failure->code,
		.length = strlen(failure->message),
	};

	return remote_send(server->socket, &header, failure->message, (size_t)header.length,
			   server->patience, err);
}

static int check_length(const struct remote_header *header, struct bs_error *err)
{
	if (header->length <= REMOTE_CHUNK_SIZE)
		return 0;
	return fail(err, BS_WORKER, "the other process asked for too many bytes at once");
}

static int serve_read(struct server *server, const struct remote_header *header,
		      struct bs_error *err)
{
	size_t length = (size_t)header->length;
	struct bs_error failure;

	if (check_length(header, err) != 0)
		return -1;
	if (disk_read(server->disk, header->offset, server->buffer, length, &failure) != 0)
		return send_failure(server, &failure, err);
	return send_answer(server, length, err);
}

static int serve_write(struct server *server, const struct remote_header *header,
		       struct bs_error *err)
{
	size_t length = (size_t)header->length;
	struct bs_error failure;

	if (check_length(header, err) != 0 ||
	    remote_receive(server->socket, server->buffer, length, server->patience, err) != 0)
		return -1;
	if (disk_write(server->disk, header->offset, server->buffer, length, &failure) != 0)
		return send_failure(server, &failure, err);
	return send_answer(server, 0, err);
}

static int serve_flush(struct server *server, struct bs_error *err)
{
	struct bs_error failure;

	if (disk_flush(server->disk, &failure) != 0)
		return send_failure(server, &failure, err);
	return send_answer(server, 0, err);
}

static int serve_request(struct server *server, const struct remote_header *header,
			 struct bs_error *err)
{
	switch (header->kind) {
	case REMOTE_READ:
		return serve_read(server, header, err);
	case REMOTE_WRITE:
		return serve_write(server, header, err);
	case REMOTE_FLUSH:
		return serve_flush(server, err);
	default:
		return fail(err, BS_WORKER, "the other process sent an answer without a question");
	}
}

int remote_serve(int socket, struct disk *disk, size_t limit, int patience,
		 struct remote_message *message, struct bs_error *err)
{
	struct server *server = malloc(sizeof(*server));
	struct remote_header header;
	int result = -1;

	if (!server)
		return fail(err, BS_NO_MEMORY, "no memory to serve the other process");
	server->socket = socket;
	server->patience = patience;
	server->disk = disk;
	for (;;) {
		if (remote_receive_header(socket, &header, patience, err) != 0)
			goto out;
		if (header.kind == REMOTE_MESSAGE)
			break;
		if (serve_request(server, &header, err) != 0)
			goto out;
	}
	result = remote_receive_payload(socket, &header, limit, patience, message, err);
out:
	free(server);
	return result;
}
