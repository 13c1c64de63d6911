/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames are sent and received whole or not at all: after an error in the middle of one, nobody
 * knows where the next begins, so the channel is of no more use.
 *
 * With patience the calls do not block and poll waits instead, until a deadline for the whole
 * transfer: a peer that sends a byte now and then gains nothing.
 */
#include "worker/remote-wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "util/bytes.h"

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
		return fail(err, BS_WORKER, "the other process sent something that is no request");
	if (kind < REMOTE_READ || kind > REMOTE_MESSAGE)
		return fail(err, BS_WORKER,
			    "the other process sent a request of the unknown kind %" PRIu32, kind);
	header->kind = (enum remote_kind)kind;
	header->detail = load_le32(bytes + DETAIL_OFFSET);
	header->offset = load_le64(bytes + OFFSET_OFFSET);
	header->length = load_le64(bytes + LENGTH_OFFSET);
	return 0;
}

/* ---- waiting ------------------------------------------------------------------------------ */

struct deadline {
	int patience; /* milliseconds; negative: none */
	int64_t end;  /* milliseconds of the monotonic clock */
};

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static struct deadline start_waiting(int patience)
{
	return (struct deadline){patience, patience < 0 ? 0 : now() + patience};
}

/* Returns when the socket can be read or written, or has an error to fetch. */
static int wait_for(int socket, short events, const struct deadline *deadline, struct bs_error *err)
{
	struct pollfd entry = {.fd = socket, .events = events};
	int64_t left;

	if (deadline->patience < 0)
		return 0;
	for (;;) {
		left = deadline->end - now();
		if (left < 0)
			return fail(err, BS_TIMEOUT,
				    "the other process has been silent for %d milliseconds",
				    deadline->patience);
		/* One more than is left, so that the last wait is not a busy one. */
		switch (poll(&entry, 1, (int)(left < INT32_MAX ? left + 1 : INT32_MAX))) {
		case 0:
			break;
		case -1:
			if (errno != EINTR)
				return fail_errno(err, BS_WORKER,
						  "cannot wait for the other process");
			break;
		default:
			return 0;
		}
	}
}

static int flags_for(const struct deadline *deadline)
{
	return MSG_NOSIGNAL | (deadline->patience < 0 ? 0 : MSG_DONTWAIT);
}

static bool is_passing(int number)
{
	return number == EINTR || number == EAGAIN;
}

/* ---- transfer ----------------------------------------------------------------------------- */

/* Takes what has been sent off the front of the message. */
static void advance(struct msghdr *message, size_t sent)
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
	struct deadline deadline = start_waiting(patience);
	uint8_t bytes[REMOTE_HEADER_SIZE];
	struct iovec parts[2] = {{bytes, sizeof(bytes)}, {(void *)payload, length}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	remote_encode_header(header, bytes);
	while (message.msg_iovlen > 0) {
		ssize_t sent;

		if (wait_for(socket, POLLOUT, &deadline, err) != 0)
			return -1;
		sent = sendmsg(socket, &message, flags_for(&deadline));
		if (sent >= 0)
			advance(&message, (size_t)sent);
		else if (!is_passing(errno))
			return fail_errno(err, BS_WORKER, "cannot send to the other process");
	}
	return 0;
}

int remote_receive(int socket, void *payload, size_t length, int patience, struct bs_error *err)
{
	struct deadline deadline = start_waiting(patience);
	struct iovec part = {payload, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	while (part.iov_len > 0) {
		ssize_t received;

		if (wait_for(socket, POLLIN, &deadline, err) != 0)
			return -1;
		received = recvmsg(socket, &message, flags_for(&deadline));
		if (received == 0)
			return fail(err, BS_WORKER, "the other process has ended unexpectedly");
		if (received < 0 && !is_passing(errno))
			return fail_errno(err, BS_WORKER, "cannot receive from the other process");
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

	if (remote_receive(socket, bytes, sizeof(bytes), patience, err) != 0)
		return -1;
	return remote_decode_header(bytes, header, err);
}
