/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's end of the channel.  The worker parses untrusted bytes and may have been taken over,
 * so every request counts as hostile.  This file checks its length against the buffer, the disk
 * checks its range, and the guard in the disk's stack checks what it may write.
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

static int server_charge(struct server *server, enum remote_use use, uint64_t length,
			 struct bs_error *err)
{
	uint64_t now = clock_milliseconds(), waited = now - server->since;

	server->since = now;
	if (!server->meter)
		return 0;
	return server->meter->charge(server->meter->context, use, length, waited, err);
}

static int server_call(struct server *server, const struct remote_header *request,
		       struct bs_error *failure)
{
	size_t length = (size_t)request->length;

	if (request->kind == REMOTE_READ)
		return disk_read(server->disk, request->offset, server->buffer, length, failure);
	if (request->kind == REMOTE_WRITE)
		return disk_write(server->disk, request->offset, server->buffer, length, failure);
	return disk_flush(server->disk, failure);
}

/* Carries out the request and answers it. */
static int server_answer(struct server *server, const struct remote_header *request,
			 struct bs_error *err)
{
	uint64_t begun = clock_milliseconds();
	struct remote_header answer = {.kind = REMOTE_ANSWER};
	struct bs_error failure;
	const void *payload = server->buffer;

	if (server_call(server, request, &failure) < 0) {
		payload = failure.message;
		answer = (struct remote_header){.kind = REMOTE_FAILURE,
						.detail = failure.code,
						.length = strlen(failure.message)};
	} else if (request->kind == REMOTE_READ) {
		answer.length = request->length;
	}
	/* The storage used this time, not the worker. */
	server->since += clock_milliseconds() - begun;
	return remote_send(server->socket, &answer, payload, (size_t)answer.length,
			   server->patience, err);
}

/* Checks and charges a request before it is carried out. */
static int server_serve(struct server *server, struct remote_header *request, struct bs_error *err)
{
	if (request->kind == REMOTE_FLUSH)
		request->length = 0;
	else if (request->kind != REMOTE_READ && request->kind != REMOTE_WRITE)
		return fail(err, BS_WORKER, "the worker process sent an answer without a question");
	if (request->length > REMOTE_CHUNK_SIZE)
		return fail(err, BS_WORKER, "the worker process asked for too many bytes at once");
	if (server_charge(server, request->kind == REMOTE_READ ? REMOTE_USE_READ : REMOTE_USE_WRITE,
			  request->length, err) < 0)
		return -1;
	if (request->kind == REMOTE_WRITE &&
	    remote_receive(server->socket, server->buffer, (size_t)request->length,
			   server->patience, err) < 0)
		return -1;
	return server_answer(server, request, err);
}

int remote_serve(int socket, struct disk *disk, size_t limit, int patience,
		 const struct remote_meter *meter, struct remote_message *message,
		 struct bs_error *err)
{
	struct server *server = malloc(sizeof(*server));
	struct remote_header header;
	int result = -1;

	if (!server)
		return fail_memory(err);
	server->socket = socket;
	server->patience = patience;
	server->disk = disk;
	server->meter = meter;
	server->since = clock_milliseconds();
	for (;;) {
		if (remote_receive_header(socket, &header, patience, err) < 0)
			goto out;
		if (header.kind == REMOTE_MESSAGE)
			break;
		if (server_serve(server, &header, err) < 0)
			goto out;
	}
	if (server_charge(server, REMOTE_USE_MESSAGE, header.length, err) == 0)
		result = remote_receive_payload(socket, &header, limit, patience, message, err);
out:
	free(server);
	return result;
}
