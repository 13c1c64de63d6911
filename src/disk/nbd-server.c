/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread serves all connections.  It waits until a client has begun to send a request, and then
 * receives and answers all of this request.  A client that stops in the middle of a request holds
 * the others up until it ends.
 */
#include "disk/nbd-server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/signals.h"

#define CLIENTS_MAX 8           /* connections at once; QEMU opens one or two */
#define OPTION_MAX  4096u       /* bytes of an option's data; names of exports have up to 4096 */
#define LENGTH_MAX  (32u << 20) /* bytes of one read or write; clients may not ask for more */

/* The numbers of the protocol, with its own names in lower case. */
#define MAGIC_INIT    0x4e42444d41474943u /* "NBDMAGIC" */
#define MAGIC_OPTION  0x49484156454f5054u /* "IHAVEOPT" */
#define MAGIC_REPLY   0x0003e889045565a9u /* to an option */
#define MAGIC_REQUEST 0x25609513u
#define MAGIC_SIMPLE  0x67446698u /* a simple reply to a request */

enum { FLAG_FIXED_NEWSTYLE = 1 << 0, FLAG_NO_ZEROES = 1 << 1 };
enum { OPTION_EXPORT_NAME = 1, OPTION_ABORT = 2, OPTION_INFO = 6, OPTION_GO = 7 };
enum { INFO_EXPORT = 0 };
enum {
	EXPORT_HAS_FLAGS = 1 << 0,
	EXPORT_READ_ONLY = 1 << 1,
	EXPORT_FLUSH = 1 << 2,
	EXPORT_MULTI_CONN = 1 << 8,
};
enum { COMMAND_READ = 0, COMMAND_WRITE = 1, COMMAND_FLUSH = 3 };
enum { ERROR_IO = 5, ERROR_INVALID = 22, ERROR_NO_SPACE = 28 };

#define REPLY_ACK         1u
#define REPLY_INFO        3u
#define REPLY_UNSUPPORTED 0x80000001u

struct client {
	int socket;   /* -1: none */
	bool greeted; /* the client's flags have come */
	bool no_zeroes;
	bool transmits; /* the handshake is over */
};

struct nbd_server {
	struct disk *disk;
	bool writable;
	int listener; /* -1: none */
	int stop;     /* eventfd */
	nbd_server_observer *observe;
	void *context;
	pthread_t thread;
	struct client clients[CLIENTS_MAX];
	uint8_t *buffer;
	size_t buffer_size;
	struct bs_error error; /* of the disk, the first; code BS_OK: none */
};

/* ---- sending and receiving: false ends the connection -------------------------------------- */

static bool nbd_server_send(const struct client *client, const void *bytes, size_t length)
{
	const char *next = bytes;

	while (length > 0) {
		ssize_t sent = send(client->socket, next, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		next += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool nbd_server_receive(const struct client *client, void *bytes, size_t length)
{
	return length == 0 || recv(client->socket, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

/* ---- the handshake ------------------------------------------------------------------------- */

static bool nbd_server_greet(const struct client *client)
{
	uint8_t greeting[18];

	store_be64(greeting, MAGIC_INIT);
	store_be64(greeting + 8, MAGIC_OPTION);
	store_be16(greeting + 16, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
	return nbd_server_send(client, greeting, sizeof(greeting));
}

static bool nbd_server_take_flags(struct client *client)
{
	uint8_t flags[4];

	if (!nbd_server_receive(client, flags, sizeof(flags)))
		return false;
	client->greeted = true;
	client->no_zeroes = load_be32(flags) & FLAG_NO_ZEROES;
	return true;
}

static bool nbd_server_reply(const struct client *client, uint32_t option, uint32_t type,
			     const void *data, uint32_t length)
{
	uint8_t header[20];

	store_be64(header, MAGIC_REPLY);
	store_be32(header + 8, option);
	store_be32(header + 12, type);
	store_be32(header + 16, length);
	return nbd_server_send(client, header, sizeof(header)) &&
	       nbd_server_send(client, data, length);
}

/* The size and the flags of the export, in the layout of the answers to both kinds of options. */
static void nbd_server_describe(const struct nbd_server *server, uint8_t export[10])
{
	store_be64(export, disk_size(server->disk));
	store_be16(export + 8,
		   EXPORT_HAS_FLAGS | (server->writable ? EXPORT_FLUSH
							: EXPORT_READ_ONLY | EXPORT_MULTI_CONN));
}

static bool nbd_server_export(const struct nbd_server *server, struct client *client)
{
	uint8_t export[10 + 124] = {0}; /* the protocol's 124 zeros */

	nbd_server_describe(server, export);
	client->transmits = true;
	return nbd_server_send(client, export, client->no_zeroes ? 10 : sizeof(export));
}

static bool nbd_server_inform(const struct nbd_server *server, struct client *client,
			      uint32_t option)
{
	uint8_t info[12];

	store_be16(info, INFO_EXPORT);
	nbd_server_describe(server, info + 2);
	client->transmits = option == OPTION_GO;
	return nbd_server_reply(client, option, REPLY_INFO, info, sizeof(info)) &&
	       nbd_server_reply(client, option, REPLY_ACK, NULL, 0);
}

static bool nbd_server_answer_option(const struct nbd_server *server, struct client *client)
{
	uint8_t header[16], data[OPTION_MAX];
	uint32_t option, length;

	if (!nbd_server_receive(client, header, sizeof(header)) ||
	    load_be64(header) != MAGIC_OPTION)
		return false;
	option = load_be32(header + 8);
	length = load_be32(header + 12);
	if (length > sizeof(data) || !nbd_server_receive(client, data, length))
		return false;
	switch (option) {
	case OPTION_EXPORT_NAME:
		return nbd_server_export(server, client);
	case OPTION_INFO:
	case OPTION_GO:
		return nbd_server_inform(server, client, option);
	case OPTION_ABORT:
		nbd_server_reply(client, option, REPLY_ACK, NULL, 0);
		return false;
	default:
		return nbd_server_reply(client, option, REPLY_UNSUPPORTED, NULL, 0);
	}
}

/* ---- requests ------------------------------------------------------------------------------ */

struct request {
	uint16_t command;
	uint64_t offset;
	uint32_t length;
	uint8_t cookie[8]; /* the client's */
};

static bool nbd_server_receive_request(const struct client *client, struct request *request)
{
	uint8_t bytes[28];

	if (!nbd_server_receive(client, bytes, sizeof(bytes)) || load_be32(bytes) != MAGIC_REQUEST)
		return false;
	*request = (struct request){
		.command = load_be16(bytes + 6),
		.offset = load_be64(bytes + 16),
		.length = load_be32(bytes + 24),
	};
	memcpy(request->cookie, bytes + 8, sizeof(request->cookie));
	return true;
}

/* Makes the buffer at least so long. */
static bool nbd_server_make_room(struct nbd_server *server, uint32_t length)
{
	uint8_t *grown;

	if (length <= server->buffer_size)
		return true;
	grown = realloc(server->buffer, length);
	if (!grown)
		return false;
	server->buffer = grown;
	server->buffer_size = length;
	return true;
}

/* Returns the error for the client.  A disk without room for what clients write has no fault. */
static uint32_t nbd_server_note_error(struct nbd_server *server, const struct bs_error *err)
{
	if (err->code == BS_NO_SPACE)
		return ERROR_NO_SPACE;
	if (server->error.code == BS_OK)
		server->error = *err;
	return ERROR_IO;
}

static void nbd_server_tell(const struct nbd_server *server, const struct request *request)
{
	if (server->observe)
		server->observe(server->context, request->offset, request->length,
				request->command == COMMAND_WRITE);
}

/* Reads into the buffer.  Returns the error for the client; 0: none. */
static uint32_t nbd_server_read(struct nbd_server *server, const struct request *request)
{
	struct bs_error err;

	if (!range_within(request->offset, request->length, disk_size(server->disk)) ||
	    request->length > LENGTH_MAX)
		return ERROR_INVALID;
	if (!nbd_server_make_room(server, request->length))
		return ERROR_IO;
	nbd_server_tell(server, request);
	if (disk_read(server->disk, request->offset, server->buffer, request->length, &err) < 0)
		return nbd_server_note_error(server, &err);
	return 0;
}

/* Writes what the buffer has. */
static uint32_t nbd_server_write(struct nbd_server *server, const struct request *request)
{
	struct bs_error err;

	if (!range_within(request->offset, request->length, disk_size(server->disk)))
		return ERROR_INVALID;
	nbd_server_tell(server, request);
	if (disk_write(server->disk, request->offset, server->buffer, request->length, &err) < 0)
		return nbd_server_note_error(server, &err);
	return 0;
}

/* Returns false if the connection has to end.  A flush does nothing: no client's writes last. */
static bool nbd_server_carry_out(struct nbd_server *server, const struct client *client,
				 const struct request *request, uint32_t *error)
{
	*error = 0;
	switch (request->command) {
	case COMMAND_READ:
		*error = nbd_server_read(server, request);
		return true;
	case COMMAND_WRITE:
		if (!server->writable || request->length > LENGTH_MAX ||
		    !nbd_server_make_room(server, request->length) ||
		    !nbd_server_receive(client, server->buffer, request->length))
			return false;
		*error = nbd_server_write(server, request);
		return true;
	default: /* a client that disconnects ends the connection as well */
		return request->command == COMMAND_FLUSH;
	}
}

static bool nbd_server_answer_request(struct nbd_server *server, const struct client *client)
{
	struct request request;
	uint8_t reply[16];
	uint32_t error;

	if (!nbd_server_receive_request(client, &request) ||
	    !nbd_server_carry_out(server, client, &request, &error))
		return false;
	store_be32(reply, MAGIC_SIMPLE);
	store_be32(reply + 4, error);
	memcpy(reply + 8, request.cookie, sizeof(request.cookie));
	return nbd_server_send(client, reply, sizeof(reply)) &&
	       (request.command != COMMAND_READ || error != 0 ||
		nbd_server_send(client, server->buffer, request.length));
}

/* ---- connections --------------------------------------------------------------------------- */

static void nbd_server_drop(struct client *client)
{
	if (client->socket >= 0)
		close(client->socket);
	*client = (struct client){.socket = -1};
}

/* Takes a new connection, or closes it if there are too many. */
static void nbd_server_take(struct nbd_server *server, int connection)
{
	struct client client = {.socket = connection};

	for (size_t i = 0; i < CLIENTS_MAX && client.socket >= 0; i++) {
		if (server->clients[i].socket >= 0)
			continue;
		if (nbd_server_greet(&client))
			server->clients[i] = client;
		else
			nbd_server_drop(&client);
		return;
	}
	nbd_server_drop(&client);
}

static void nbd_server_answer(struct nbd_server *server, struct client *client)
{
	bool answered = !client->greeted     ? nbd_server_take_flags(client)
			: !client->transmits ? nbd_server_answer_option(server, client)
					     : nbd_server_answer_request(server, client);

	if (!answered)
		nbd_server_drop(client);
}

/* ---- the thread ---------------------------------------------------------------------------- */

enum { WAIT_STOP, WAIT_LISTENER, WAIT_CLIENTS, WAIT_COUNT = WAIT_CLIENTS + CLIENTS_MAX };

static void *nbd_server_loop(void *argument)
{
	struct nbd_server *server = argument;
	struct pollfd waiting[WAIT_COUNT];

	for (;;) { /* ends: nbd_server_stop() writes to `stop` */
		waiting[WAIT_STOP] = (struct pollfd){.fd = server->stop, .events = POLLIN};
		waiting[WAIT_LISTENER] = (struct pollfd){.fd = server->listener, .events = POLLIN};
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			waiting[WAIT_CLIENTS + i] =
				(struct pollfd){.fd = server->clients[i].socket, .events = POLLIN};
		if (poll(waiting, WAIT_COUNT, -1) < 0)
			continue;
		if (waiting[WAIT_STOP].revents)
			return NULL;
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			if (waiting[WAIT_CLIENTS + i].revents)
				nbd_server_answer(server, &server->clients[i]);
		if (waiting[WAIT_LISTENER].revents)
			nbd_server_take(server,
					accept4(server->listener, NULL, NULL, SOCK_CLOEXEC));
	}
}

static void nbd_server_free(struct nbd_server *server)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		nbd_server_drop(&server->clients[i]);
	if (server->stop >= 0)
		close(server->stop);
	if (server->listener >= 0)
		close(server->listener);
	free(server->buffer);
	free(server);
}

/* The new thread blocks all signals, so that the other threads get them. */
static int nbd_server_start_thread(struct nbd_server *server, struct bs_error *err)
{
	sigset_t before = signals_mask();
	int number;

	signals_hold_all();
	number = pthread_create(&server->thread, NULL, nbd_server_loop, server);
	signals_restore(before);
	if (number == 0)
		return 0;
	errno = number;
	return fail_errno(err, BS_SYSTEM_LIMIT, "cannot start a thread");
}

/* Takes a listening socket, or one that is connected to the only client. */
static int nbd_server_take_socket(struct nbd_server *server, int socket, struct bs_error *err)
{
	socklen_t size = sizeof(int);
	int listens;

	server->listener = socket;
	if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot use a socket");
	if (listens)
		return 0;
	server->listener = -1;
	nbd_server_take(server, socket);
	return 0;
}

static struct nbd_server *nbd_server_begin(const struct nbd_server *values, int socket,
					   struct bs_error *err)
{
	struct nbd_server *server = malloc(sizeof(*server));

	if (!server) {
		fail_memory(err);
		close(socket);
		return NULL;
	}
	*server = *values;
	server->error.code = BS_OK;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		server->clients[i].socket = -1;
	server->stop = eventfd(0, EFD_CLOEXEC);
	if (server->stop < 0)
		fail_errno(err, BS_SYSTEM_LIMIT, "cannot make an eventfd");
	if (nbd_server_take_socket(server, socket, err) < 0 || server->stop < 0 ||
	    nbd_server_start_thread(server, err) < 0) {
		nbd_server_free(server);
		return NULL;
	}
	return server;
}

struct nbd_server *nbd_server_start(struct disk *disk, int socket, nbd_server_observer *observe,
				    void *context, struct bs_error *err)
{
	const struct nbd_server values = {
		.disk = disk,
		.observe = observe,
		.context = context,
	};

	return nbd_server_begin(&values, socket, err);
}

struct nbd_server *nbd_server_start_writable(struct disk *disk, int socket,
					     nbd_server_observer *observe, void *context,
					     struct bs_error *err)
{
	const struct nbd_server values = {
		.disk = disk,
		.writable = true,
		.observe = observe,
		.context = context,
	};

	return nbd_server_begin(&values, socket, err);
}

int nbd_server_stop(struct nbd_server *server, struct bs_error *err)
{
	int result = 0;

	if (!server)
		return 0;
	/* Cannot fail: the counter of the eventfd is 0. */
	eventfd_write(server->stop, 1);
	pthread_join(server->thread, NULL);
	if (server->error.code != BS_OK) {
		*err = server->error;
		result = -1;
	}
	nbd_server_free(server);
	return result;
}
