/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appliance/request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/channel.h"

#define ANSWER_HEADER offsetof(struct appliance_answer, data)

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
	ssize_t received = -1;

	if (!answer) {
		fail_memory(err);
		return NULL;
	}
	if (channel_send(socket, request, sizeof(*request), NULL, 0) == 0) {
		received =
			channel_receive(socket, answer, sizeof(*answer), NULL, 0, CHANNEL_FOREVER);
		if (request_is_answer(answer, received))
			return answer;
	}
	free(answer);
	if (received < 0 && errno == EAGAIN)
		fail(err, BS_TIMEOUT, "libguestfs' appliance does not answer");
	else
		fail(err, BS_WORKER, "the appliance's process has ended or answers nonsense");
	return NULL;
}

int appliance_receive_request(int socket, struct appliance_request *request)
{
	ssize_t received =
		channel_receive(socket, request, sizeof(*request), NULL, 0, CHANNEL_FOREVER);

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
	return channel_send(socket, answer, ANSWER_HEADER + answer->length, NULL, 0);
}
