/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames are sent and received whole.  After an error in the middle of a frame, nobody knows where
 * the next one begins, so the channel cannot be used any more.
 *
 * With patience, each transfer has a deadline.  A receiving call waits for all of its bytes, up to
 * the time limit of the socket (SO_RCVTIMEO), so a worker gains no time by sending a byte now and
 * then.  A sending call does not wait: it hardly ever has to, so it calls poll() only if it has to.
 *
 * The error messages name the worker process, because the parent shows them.  At the worker's end,
 * the same errors mean that the parent has gone, and nobody reads the messages.
 */
#include "worker/remote-wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/clock.h"

enum {
	MAGIC_OFFSET = 0,
	KIND_OFFSET = 4,
	DETAIL_OFFSET = 8,
	ZERO_OFFSET = 12,
	OFFSET_OFFSET = 16,
	LENGTH_OFFSET = 24,
};

_Static_assert(LENGTH_OFFSET + sizeof(uint64_t) == REMOTE_HEADER_SIZE, "the header has no rest");

void remote_encode_header(const struct remote_header *header, uint8_t bytes[REMOTE_HEADER_SIZE])
{
	store_le32(bytes + MAGIC_OFFSET, REMOTE_MAGIC);
	store_le32(bytes + KIND_OFFSET, header->kind);
	store_le32(bytes + DETAIL_OFFSET, header->detail);
	store_le32(bytes + ZERO_OFFSET, 0);
	store_le64(bytes + OFFSET_OFFSET, header->offset);
	store_le64(bytes + LENGTH_OFFSET, header->length);
}

int remote_decode_header(const uint8_t bytes[REMOTE_HEADER_SIZE], struct remote_header *header,
			 struct bs_error *err)
{
	uint32_t kind = load_le32(bytes + KIND_OFFSET);

	if (load_le32(bytes + MAGIC_OFFSET) != REMOTE_MAGIC || load_le32(bytes + ZERO_OFFSET) != 0)
		return fail(err, BS_WORKER, "the worker process sent something that is no request");
	if (kind < REMOTE_READ || kind > REMOTE_MESSAGE)
		return fail(err, BS_WORKER,
			    "the worker process sent a request of the unknown kind %" PRIu32, kind);
	header->kind = (enum remote_kind)kind;
	header->detail = load_le32(bytes + DETAIL_OFFSET);
	header->offset = load_le64(bytes + OFFSET_OFFSET);
	header->length = load_le64(bytes + LENGTH_OFFSET);
	return 0;
}

/* ---- the channel -------------------------------------------------------------------------- */

int remote_make_channel(struct remote_end *parent, struct remote_end *worker, struct bs_error *err)
{
	int sockets[2];
	void *window = mmap(NULL, REMOTE_WINDOW_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (window == MAP_FAILED)
		return fail_memory(err);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
		fail_errno(err, BS_SYSTEM_LIMIT, "making a channel to the worker process");
		munmap(window, REMOTE_WINDOW_SIZE);
		return -1;
	}
	*parent = (struct remote_end){.socket = sockets[0], .window = window};
	*worker = (struct remote_end){.socket = sockets[1], .window = window};
	return 0;
}

void remote_close_end(struct remote_end *end)
{
	close(end->socket);
	munmap(end->window, REMOTE_WINDOW_SIZE);
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Sets the error: the worker has gone, or the system lacks a resource (see the calls' manuals). */
static int remote_fail(struct bs_error *err, const char *what)
{
	bool limit = errno == ENOMEM || errno == ENOBUFS || errno == EINVAL;

	return fail_errno(err, limit ? BS_SYSTEM_LIMIT : BS_WORKER, "cannot %s the worker process",
			  what);
}

/* Returns when to stop waiting; without patience, never. */
static struct deadline remote_deadline(int patience)
{
	struct deadline never = {0};

	return patience < 0 ? never : deadline_after((uint64_t)patience);
}

static int remote_fail_timeout(struct bs_error *err, int patience)
{
	return fail(err, BS_TIMEOUT, "the worker process has been silent for %d milliseconds",
		    patience);
}

/* Waits until something can be sent. */
static int remote_wait(int socket, int patience, struct deadline deadline, struct bs_error *err)
{
	struct pollfd entry = {.fd = socket, .events = POLLOUT};
	int ready;

	if (patience < 0)
		return 0;
	do {
		if (deadline_has_passed(deadline))
			return remote_fail_timeout(err, patience);
		ready = poll(&entry, 1, deadline_poll_timeout(deadline));
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready > 0 ? 0 : remote_fail(err, "wait for");
}

int remote_limit_silence(int socket, int patience, struct bs_error *err)
{
	/* No time at all means no limit. */
	const struct timeval limit = {.tv_sec = patience < 0 ? 0 : patience / 1000,
				      .tv_usec = patience < 0 ? 0 : patience % 1000 * 1000};

	if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0)
		return 0;
	return remote_fail(err, "set a time limit for");
}

static bool remote_is_passing(int number)
{
	return number == EINTR || number == EAGAIN;
}

/* ---- transfer ----------------------------------------------------------------------------- */

/* Removes the first `sent` bytes, which have been sent, from the message. */
static void remote_advance(struct msghdr *message, size_t sent)
{
	while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
		sent -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (message->msg_iovlen > 0) {
		message->msg_iov->iov_base = (uint8_t *)message->msg_iov->iov_base + sent;
		message->msg_iov->iov_len -= sent;
	}
}

int remote_send(int socket, const struct remote_header *header, const void *payload, size_t length,
		int patience, struct bs_error *err)
{
	struct deadline deadline = remote_deadline(patience);
	uint8_t bytes[REMOTE_HEADER_SIZE];
	struct iovec parts[2] = {{bytes, sizeof(bytes)}, {(void *)payload, length}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	remote_encode_header(header, bytes);
	while (message.msg_iovlen > 0) {
		ssize_t sent;

		sent = sendmsg(socket, &message, MSG_NOSIGNAL | (patience < 0 ? 0 : MSG_DONTWAIT));
		if (sent >= 0)
			remote_advance(&message, (size_t)sent);
		else if (!remote_is_passing(errno))
			return remote_fail(err, "send to");
		else if (remote_wait(socket, patience, deadline, err) < 0)
			return -1;
	}
	return 0;
}

int remote_receive(int socket, void *payload, size_t length, int patience, struct bs_error *err)
{
	struct deadline deadline = remote_deadline(patience);
	struct iovec part = {payload, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	while (part.iov_len > 0) {
		ssize_t received = recvmsg(socket, &message, MSG_WAITALL);

		/* Only the time limit ends a call without an error before all bytes are there. */
		if (received < 0 && errno == EAGAIN)
			return remote_fail_timeout(err, patience);
		if (received == 0)
			return fail(err, BS_WORKER, "the worker process has ended unexpectedly");
		if (received < 0 && errno != EINTR)
			return remote_fail(err, "receive from");
		if (deadline_has_passed(deadline) && received < (ssize_t)part.iov_len)
			return remote_fail_timeout(err, patience);
		if (received > 0) {
			part.iov_base = (uint8_t *)part.iov_base + received;
			part.iov_len -= (size_t)received;
		}
	}
	return 0;
}

int remote_receive_header(int socket, struct remote_header *header, int patience,
			  struct bs_error *err)
{
	uint8_t bytes[REMOTE_HEADER_SIZE];

	if (remote_receive(socket, bytes, sizeof(bytes), patience, err) < 0)
		return -1;
	return remote_decode_header(bytes, header, err);
}

/* ---- messages ----------------------------------------------------------------------------- */

int remote_send_message(int socket, uint32_t type, const void *payload, size_t length, int patience,
			struct bs_error *err)
{
	const struct remote_header header = {
		.kind = REMOTE_MESSAGE, .detail = type, .length = length};

	return remote_send(socket, &header, payload, length, patience, err);
}

int remote_receive_payload(int socket, const struct remote_header *header, size_t limit,
			   int patience, struct remote_message *message, struct bs_error *err)
{
	size_t length = (size_t)header->length;
	uint8_t *payload;

	if (header->length > limit)
		return fail(err, BS_WORKER,
			    "the worker process announced a message of %" PRIu64
			    " bytes, more than %zu",
			    header->length, limit);
	payload = malloc(length + 1);
	if (!payload)
		return fail_memory(err);
	if (remote_receive(socket, payload, length, patience, err) < 0) {
		free(payload);
		return -1;
	}
	payload[length] = 0;
	*message = (struct remote_message){header->detail, length, payload};
	return 0;
}

int remote_receive_message(int socket, size_t limit, int patience, struct remote_message *message,
			   struct bs_error *err)
{
	struct remote_header header;

	if (remote_receive_header(socket, &header, patience, err) < 0)
		return -1;
	if (header.kind != REMOTE_MESSAGE)
		return fail(err, BS_WORKER, "the worker process sent a request, not a message");
	return remote_receive_payload(socket, &header, limit, patience, message, err);
}
