/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's end of the channel.  The worker parses what nobody vouches for and may have been
 * taken over, so every request counts as hostile: its length is checked against the buffer here,
 * its range by the disk, and what it may write by the guard in the disk's stack.
 */
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "worker/remote-wire.h"

struct server {
	int socket;
	int patience;
	struct disk *disk;
	const struct remote_meter *meter;
	uint64_t since; /* when the wait for the worker began, in milliseconds */
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

static int charge(struct server *server, enum remote_use use, uint64_t length, struct bs_error *err)
{
	uint64_t now = clock_milliseconds(), waited = now - server->since;

	server->since = now;
	if (!server->meter)
		return 0;
	return server->meter->charge(server->meter->context, use, length, waited, err);
}

/* The length fits the buffer, and may be served. */
static int check_request(struct server *server, const struct remote_header *header,
			 enum remote_use use, struct bs_error *err)
{
	if (header->length > REMOTE_CHUNK_SIZE)
		return fail(err, BS_WORKER, "the other process asked for too many bytes at once");
	return charge(server, use, header->length, err);
}

typedef int disk_call(struct server *server, const struct remote_header *header,
		      struct bs_error *err);

static int call_read(struct server *server, const struct remote_header *header,
		     struct bs_error *err)
{
	return disk_read(server->disk, header->offset, server->buffer, (size_t)header->length, err);
}

static int call_write(struct server *server, const struct remote_header *header,
		      struct bs_error *err)
{
	return disk_write(server->disk, header->offset, server->buffer, (size_t)header->length,
			  err);
}

static int call_flush(struct server *server, const struct remote_header *header,
		      struct bs_error *err)
{
	(void)header;
	return disk_flush(server->disk, err);
}

/* Does the call and answers with `length` bytes.  Its time is the storage's, not the worker's. */
static int answer(struct server *server, disk_call *call, const struct remote_header *header,
		  size_t length, struct bs_error *err)
{
	uint64_t begun = clock_milliseconds();
	struct bs_error failure;
	int result = call(server, header, &failure);

	server->since += clock_milliseconds() - begun;
	return result == 0 ? send_answer(server, length, err) : send_failure(server, &failure, err);
}

static int serve_read(struct server *server, const struct remote_header *header,
		      struct bs_error *err)
{
	if (check_request(server, header, REMOTE_USE_READ, err) != 0)
		return -1;
	return answer(server, call_read, header, (size_t)header->length, err);
}

static int serve_write(struct server *server, const struct remote_header *header,
		       struct bs_error *err)
{
	if (check_request(server, header, REMOTE_USE_WRITE, err) != 0 ||
	    remote_receive(server->socket, server->buffer, (size_t)header->length, server->patience,
			   err) != 0)
		return -1;
	return answer(server, call_write, header, 0, err);
}

static int serve_flush(struct server *server, const struct remote_header *header,
		       struct bs_error *err)
{
	if (charge(server, REMOTE_USE_WRITE, 0, err) != 0)
		return -1;
	return answer(server, call_flush, header, 0, err);
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
		return serve_flush(server, header, err);
	default:
		return fail(err, BS_WORKER, "the other process sent an answer without a question");
	}
}

int remote_serve(int socket, struct disk *disk, size_t limit, int patience,
		 const struct remote_meter *meter, struct remote_message *message,
		 struct bs_error *err)
{
	struct server *server = malloc(sizeof(*server));
	struct remote_header header;
	int result = -1;

	if (!server)
		return fail(err, BS_NO_MEMORY, "no memory to serve the other process");
	server->socket = socket;
	server->patience = patience;
	server->disk = disk;
	server->meter = meter;
	server->since = clock_milliseconds();
	for (;;) {
		if (remote_receive_header(socket, &header, patience, err) != 0)
			goto out;
		if (header.kind == REMOTE_MESSAGE)
			break;
		if (serve_request(server, &header, err) != 0)
			goto out;
	}
	if (charge(server, REMOTE_USE_MESSAGE, header.length, err) == 0)
		result = remote_receive_payload(socket, &header, limit, patience, message, err);
out:
	free(server);
	return result;
}
