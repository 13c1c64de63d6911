/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages: what both sides of the channel can say besides requests.  Here they are bytes with a
 * number; who sends and receives them checks both.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "worker/remote-wire.h"

int remote_send_message(int socket, uint32_t type, const void *payload, size_t length, int patience,
			struct bs_error *err)
{
	struct remote_header header = {
		.kind = REMOTE_MESSAGE,
		.detail = type,
		.length = length,
	};

	return remote_send(socket, &header, payload, length, patience, err);
}

int remote_receive_payload(int socket, const struct remote_header *header, size_t limit,
			   int patience, struct remote_message *message, struct bs_error *err)
{
	size_t length = (size_t)header->length;
	uint8_t *payload;

	if (header->length > limit)
		return fail(err, BS_WORKER,
			    "the other process announced a message of %" PRIu64
			    " bytes, more than %zu",
			    header->length, limit);
	payload = malloc(length + 1);
	if (!payload)
		return fail(err, BS_NO_MEMORY, "no memory for a message of %zu bytes", length);
	if (remote_receive(socket, payload, length, patience, err) != 0) {
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

	if (remote_receive_header(socket, &header, patience, err) != 0)
		return -1;
	if (header.kind != REMOTE_MESSAGE)
		return fail(err, BS_WORKER, "the other process sent a request, not a message");
	return remote_receive_payload(socket, &header, limit, patience, message, err);
}
