/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_HEADER offsetof(struct appliance_answer, data)

/* Sends one message in full. */
static int request_send(int socket, const void *bytes, size_t length)
{
	struct iovec part = {(void *)(uintptr_t)bytes, length};
	const struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)length ? 0 : -1;
}

/* Receives one message of at most `size` bytes.  Returns its length; 0: the channel has ended. */
static ssize_t request_receive(int socket, void *bytes, size_t size)
{
	struct iovec part = {bytes, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t received;

	do
		received = recvmsg(socket, &message, 0);
	while (received < 0 && errno == EINTR);
	if (received > 0 && message.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return received;
}

/* Whether these bytes are an answer.  An error must have a terminated text. */
static bool request_is_answer(const struct appliance_answer *answer, ssize_t received)
{
	return received >= (ssize_t)ANSWER_HEADER &&
	       answer->length == (size_t)received - ANSWER_HEADER &&
	       (answer->error == 0 ||
		(answer->length > 0 && answer->data[answer->length - 1] == '\0'));
}

struct appliance_answer *appliance_ask(int socket, const struct appliance_request *request,
				       struct bs_error *err)
{
	struct appliance_answer *answer = malloc(sizeof(*answer));
	ssize_t received;

	if (!answer) {
		fail_memory(err);
		return NULL;
	}
	if (request_send(socket, request, sizeof(*request)) == 0) {
		received = request_receive(socket, answer, sizeof(*answer));
		if (request_is_answer(answer, received))
			return answer;
	}
	free(answer);
	fail(err, BS_WORKER, "the appliance's process has ended or answers nonsense");
	return NULL;
}

int appliance_receive_request(int socket, struct appliance_request *request)
{
	ssize_t received = request_receive(socket, request, sizeof(*request));

	if (received <= 0)
		return (int)received;
	if (received != (ssize_t)sizeof(*request) ||
	    !memchr(request->path, '\0', sizeof(request->path)) ||
	    !memchr(request->name, '\0', sizeof(request->name))) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}

int appliance_send_answer(int socket, const struct appliance_answer *answer)
{
	return request_send(socket, answer, ANSWER_HEADER + answer->length);
}
