/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent's end of the channel.  The worker parses untrusted bytes and may have been taken over,
 * so every request counts as hostile.  This file checks its lengths against the window, the disk
 * checks its range, and the guard in the disk's stack checks what it may write.
 *
 * A worker can change the window at any moment.  Bytes that are read go to the window, and the
 * parent does not look at them.  Bytes that are written are copied once, with their offset and
 * length, and only the copy is used.
 */
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/clock.h"
#include "worker/remote-wire.h"

struct server {
	struct remote_end end;
	int patience;
	struct disk *disk;
	const struct remote_meter *meter;
	uint64_t since; /* when the wait for the worker began, in milliseconds */
	uint8_t buffer[REMOTE_WRITE_MAX];
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

/* The time since the charge was the storage's, not the worker's. */
static void server_wait(struct server *server)
{
	server->since = clock_milliseconds();
}

/* ---- the requests: an error of the disk is in *failure, an error of the worker in *err ------- */

typedef int server_call(struct server *server, const struct remote_header *request,
			struct bs_error *failure, struct bs_error *err);

static int server_read(struct server *server, const struct remote_header *request,
		       struct bs_error *failure, struct bs_error *err)
{
	if (request->length > REMOTE_READ_MAX)
		return fail(err, BS_WORKER, "the worker process asked for too many bytes at once");
	if (server_charge(server, REMOTE_USE_READ, request->length, err) < 0)
		return -1;
	(void)!disk_read(server->disk, request->offset, server->end.window, (size_t)request->length,
			 failure);
	server_wait(server);
	return 0;
}

/* Carries out the write at offset *at of the list of `length` bytes. */
static int server_write(struct server *server, const uint8_t *list, size_t length, size_t *at,
			struct bs_error *failure, struct bs_error *err)
{
	uint8_t head[REMOTE_WRITE_HEAD];
	uint64_t offset, size;

	if (length - *at < sizeof(head))
		return fail(err, BS_WORKER, "the worker process sent half a write");
	memcpy(head, list + *at, sizeof(head));
	__asm__ volatile("" ::: "memory"); /* so the compiler cannot read the window again */
	offset = load_le64(head);
	size = load_le64(head + 8);
	*at += sizeof(head);
	if (size > sizeof(server->buffer))
		return fail(err, BS_WORKER, "the worker process writes too many bytes at once");
	if (size > length - *at)
		return fail(err, BS_WORKER, "the worker process sent half a write");
	if (server_charge(server, REMOTE_USE_WRITE, size, err) < 0)
		return -1;
	memcpy(server->buffer, list + *at, size);
	*at += size;
	(void)!disk_write(server->disk, offset, server->buffer, size, failure);
	server_wait(server);
	return 0;
}

static int server_write_all(struct server *server, const struct remote_header *request,
			    struct bs_error *failure, struct bs_error *err)
{
	const uint8_t *list;
	size_t at = 0;

	if (!range_within(request->offset, request->length, REMOTE_WINDOW_SIZE))
		return fail(err, BS_WORKER, "the worker process sent too many bytes at once");
	list = server->end.window + request->offset;
	/* A list without a write would cost nothing of the budget, and could come for ever. */
	if (request->length == 0)
		return fail(err, BS_WORKER, "the worker process sent an empty list of writes");
	while (at < request->length && failure->code == BS_OK)
		if (server_write(server, list, (size_t)request->length, &at, failure, err) < 0)
			return -1;
	return 0;
}

static int server_flush(struct server *server, const struct remote_header *request,
			struct bs_error *failure, struct bs_error *err)
{
	(void)request;
	if (server_charge(server, REMOTE_USE_WRITE, 0, err) < 0)
		return -1;
	(void)!disk_flush(server->disk, failure);
	server_wait(server);
	return 0;
}

/* The worker's word counts: a worker that tells less than it reads only gets less time for it. */
static int server_account(struct server *server, const struct remote_header *request,
			  struct bs_error *failure, struct bs_error *err)
{
	(void)failure;
	return server_charge(server, REMOTE_USE_READ, request->length, err);
}

/* Checks, charges and carries out a request, and answers it. */
static int server_serve(struct server *server, const struct remote_header *request,
			struct bs_error *err)
{
	static server_call *const calls[] = {
		[REMOTE_READ] = server_read,
		[REMOTE_WRITES] = server_write_all,
		[REMOTE_FLUSH] = server_flush,
		[REMOTE_ACCOUNT] = server_account,
	};
	struct remote_header answer = {.kind = REMOTE_ANSWER, .length = request->length};
	struct bs_error failure = {.code = BS_OK};

	if (request->kind > REMOTE_ACCOUNT)
		return fail(err, BS_WORKER, "the worker process sent an answer without a question");
	if (calls[request->kind](server, request, &failure, err) < 0)
		return -1;
	if (failure.code != BS_OK)
		answer = (struct remote_header){.kind = REMOTE_FAILURE,
						.detail = failure.code,
						.length = strlen(failure.message)};
	return remote_send(server->end.socket, &answer, failure.message,
			   failure.code != BS_OK ? (size_t)answer.length : 0, server->patience,
			   err);
}

int remote_serve(struct remote_end end, struct disk *disk, size_t limit, int patience,
		 const struct remote_meter *meter, struct remote_message *message,
		 struct bs_error *err)
{
	struct server *server = malloc(sizeof(*server));
	struct remote_header header;
	int result = -1;

	if (!server)
		return fail_memory(err);
	server->end = end;
	server->patience = patience;
	server->disk = disk;
	server->meter = meter;
	server->since = clock_milliseconds();
	if (remote_limit_silence(end.socket, patience, err) < 0)
		goto out;
	for (;;) {
		if (remote_receive_header(end.socket, &header, patience, err) < 0)
			goto out;
		if (header.kind == REMOTE_MESSAGE)
			break;
		if (server_serve(server, &header, err) < 0)
			goto out;
	}
	if (server_charge(server, REMOTE_USE_MESSAGE, header.length, err) == 0)
		result = remote_receive_payload(end.socket, &header, limit, patience, message, err);
out:
	free(server);
	return result;
}
