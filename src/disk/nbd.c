/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libnbd's synchronous calls can wait for ever.  So this file uses its asynchronous calls, one at a
 * time, and polls with a deadline.
 *
 * After a timeout, libnbd still has the request with the address of its buffer.  libnbd does not
 * write to this buffer, because it works only inside of calls to it, and after the first failure
 * (`broken`) this file calls only nbd_close().
 */
#include "disk/nbd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk/libnbd.h"
#include "util/bytes.h"
#include "util/clock.h"

/* Bytes that every server accepts unless it states another limit ("Block size constraints" in
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). */
#define LONGEST_REQUEST (32u << 20)
/*
 * Bytes.  The protocol allows larger units, but the buffer for a part of a unit lies on the stack.
 */
#define LARGEST_UNIT 65536u

struct nbd {
	struct disk disk;
	struct libnbd library;
	struct nbd_handle *handle;
	const char *server; /* in messages */
	int patience;       /* milliseconds */
	bool broken;
	uint32_t unit;    /* bytes; offsets and lengths of requests are multiples of the unit */
	uint32_t longest; /* bytes of the longest request; a multiple of the unit */
};

/* ---- waiting ------------------------------------------------------------------------------ */

/* libnbd's last message in this thread, without the names of its functions and states. */
static const char *nbd_last_words(const struct nbd *nbd)
{
	static const char *const names[] = {"handshake: ", "connect: "};
	const char *words = nbd->library.get_error();

	if (!words)
		return "it has hung up";
	if (strncmp(words, "nbd_", 4) == 0 && strstr(words, ": "))
		words = strstr(words, ": ") + 2;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(words, names[i], strlen(names[i])) == 0)
			words += strlen(names[i]);
	return words;
}

/* Marks the connection as failed.  The error message is libnbd's last message. */
static int nbd_fail_connection(struct nbd *nbd, struct bs_error *err)
{
	nbd->broken = true;
	return fail(err, BS_IO, "%s", nbd_last_words(nbd));
}

/* Lets libnbd wait for the server, until `deadline`.  An error makes the connection unusable. */
static int nbd_wait(struct nbd *nbd, struct deadline deadline, struct bs_error *err)
{
	if (deadline_has_passed(deadline)) {
		nbd->broken = true;
		return fail(err, BS_IO, "it has been silent for %d milliseconds", nbd->patience);
	}
	if (nbd->library.poll(nbd->handle, deadline_poll_timeout(deadline)) < 0 &&
	    nbd->library.get_errno() != EINTR)
		return nbd_fail_connection(nbd, err);
	return 0;
}

static int nbd_check_usable(const struct nbd *nbd, struct bs_error *err)
{
	return nbd->broken ? fail(err, BS_IO, "the connection to %s has failed before", nbd->server)
			   : 0;
}

/* Waits until a request is done.  A negative `cookie` means that libnbd could not send it. */
static int nbd_await(struct nbd *nbd, int64_t cookie, struct bs_error *err)
{
	struct deadline deadline = deadline_after((uint64_t)nbd->patience);
	int done;

	if (cookie < 0)
		return nbd_fail_connection(nbd, err);
	while ((done = nbd->library.aio_command_completed(nbd->handle, (uint64_t)cookie)) == 0)
		if (nbd_wait(nbd, deadline, err) < 0)
			return -1;
	if (done > 0)
		return 0;
	if (nbd->library.aio_is_ready(nbd->handle) <= 0)
		return nbd_fail_connection(nbd, err);
	/* The server has answered with an error, so the connection still works. */
	return fail(err, nbd->library.get_errno() == ENOSPC ? BS_NO_SPACE : BS_IO, "%s",
		    strerror(nbd->library.get_errno()));
}

/* Like nbd_await(); the error message names the operation `what`. */
static int nbd_complete(struct nbd *nbd, int64_t cookie, const char *what, struct bs_error *err)
{
	return nbd_await(nbd, cookie, err) < 0 ? fail_prefix(err, "%s cannot %s", nbd->server, what)
					       : 0;
}

/* ---- reading and writing ------------------------------------------------------------------ */

/* Sends one request.  `length` is a multiple of the unit and at most `longest`. */
static int nbd_read_units(struct nbd *nbd, uint64_t offset, void *buffer, size_t length,
			  struct bs_error *err)
{
	return nbd_complete(
		nbd,
		nbd->library.aio_pread(nbd->handle, buffer, length, offset, NBD_NULL_COMPLETION, 0),
		"read", err);
}

static int nbd_write_units(struct nbd *nbd, uint64_t offset, const void *buffer, size_t length,
			   struct bs_error *err)
{
	return nbd_complete(nbd,
			    nbd->library.aio_pwrite(nbd->handle, buffer, length, offset,
						    NBD_NULL_COMPLETION, 0),
			    "write", err);
}

/* Returns how many bytes at `offset` the next request covers: whole units, or a part of a unit. */
static size_t nbd_next_part(const struct nbd *nbd, uint64_t offset, size_t length)
{
	size_t in_unit = offset % nbd->unit;

	if (in_unit != 0 || length < nbd->unit)
		return (size_t)min_u64(length, nbd->unit - in_unit);
	return (size_t)min_u64(length - length % nbd->unit, nbd->longest);
}

static bool nbd_is_whole(const struct nbd *nbd, uint64_t offset, size_t length)
{
	return offset % nbd->unit == 0 && length % nbd->unit == 0;
}

static int nbd_read_part(struct nbd *nbd, uint64_t offset, void *buffer, size_t length,
			 struct bs_error *err)
{
	uint8_t unit[LARGEST_UNIT];
	size_t in_unit = offset % nbd->unit;

	if (nbd_is_whole(nbd, offset, length))
		return nbd_read_units(nbd, offset, buffer, length, err);
	if (nbd_read_units(nbd, offset - in_unit, unit, nbd->unit, err) < 0)
		return -1;
	memcpy(buffer, unit + in_unit, length);
	return 0;
}

static int nbd_write_part(struct nbd *nbd, uint64_t offset, const void *buffer, size_t length,
			  struct bs_error *err)
{
	uint8_t unit[LARGEST_UNIT];
	size_t in_unit = offset % nbd->unit;

	if (nbd_is_whole(nbd, offset, length))
		return nbd_write_units(nbd, offset, buffer, length, err);
	if (nbd_read_units(nbd, offset - in_unit, unit, nbd->unit, err) < 0)
		return -1;
	memcpy(unit + in_unit, buffer, length);
	return nbd_write_units(nbd, offset - in_unit, unit, nbd->unit, err);
}

static int nbd_disk_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
			 struct bs_error *err)
{
	struct nbd *nbd = (struct nbd *)disk;
	uint8_t *next = buffer;

	if (nbd_check_usable(nbd, err) < 0)
		return -1;
	while (length > 0) {
		size_t part = nbd_next_part(nbd, offset, length);

		if (nbd_read_part(nbd, offset, next, part, err) < 0)
			return -1;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int nbd_disk_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			  struct bs_error *err)
{
	struct nbd *nbd = (struct nbd *)disk;
	const uint8_t *next = buffer;

	if (nbd_check_usable(nbd, err) < 0)
		return -1;
	while (length > 0) {
		size_t part = nbd_next_part(nbd, offset, length);

		if (nbd_write_part(nbd, offset, next, part, err) < 0)
			return -1;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int nbd_disk_flush(struct disk *disk, struct bs_error *err)
{
	struct nbd *nbd = (struct nbd *)disk;

	if (nbd_check_usable(nbd, err) < 0)
		return -1;
	return nbd_complete(nbd, nbd->library.aio_flush(nbd->handle, NBD_NULL_COMPLETION, 0),
			    "flush", err);
}

static void nbd_disk_close(struct disk *disk)
{
	struct nbd *nbd = (struct nbd *)disk;

	nbd->library.close(nbd->handle);
	free(nbd);
}

static const struct disk_operations writable_operations = {
	.read = nbd_disk_read,
	.write = nbd_disk_write,
	.flush = nbd_disk_flush,
	.close = nbd_disk_close,
};

static const struct disk_operations read_only_operations = {
	.read = nbd_disk_read,
	.close = nbd_disk_close,
};

/* ---- opening and leaving ------------------------------------------------------------------ */

static struct nbd *nbd_make(const char *server, int patience, struct bs_error *err)
{
	struct nbd *nbd = calloc(1, sizeof(*nbd));

	if (!nbd) {
		fail_memory(err);
		return NULL;
	}
	nbd->server = server;
	nbd->patience = patience;
	nbd->unit = 1;
	if (libnbd_load(&nbd->library, err) == 0) {
		nbd->handle = nbd->library.create();
		if (nbd->handle)
			return nbd;
		fail_memory(err);
	}
	free(nbd);
	return NULL;
}

/* Waits until the NBD handshake is done.  `result` is the result of the call that connects. */
static int nbd_negotiate(struct nbd *nbd, int result, struct bs_error *err)
{
	struct deadline deadline = deadline_after((uint64_t)nbd->patience);

	if (result < 0)
		return nbd_fail_connection(nbd, err);
	while (nbd->library.aio_is_connecting(nbd->handle) > 0 ||
	       nbd->library.aio_is_negotiating(nbd->handle) > 0)
		if (nbd_wait(nbd, deadline, err) < 0)
			return -1;
	return nbd->library.aio_is_ready(nbd->handle) > 0 ? 0 : nbd_fail_connection(nbd, err);
}

static int nbd_connect_server(struct nbd *nbd, int result, struct bs_error *err)
{
	if (nbd_negotiate(nbd, result, err) == 0)
		return 0;
	err->code = BS_NO_CONNECTION;
	return fail_prefix(err, "cannot connect to %s", nbd->server);
}

/* libnbd returns 0 for a size that the server did not state. */
static int nbd_take_block_sizes(struct nbd *nbd, struct bs_error *err)
{
	int64_t unit = nbd->library.get_block_size(nbd->handle, LIBNBD_SIZE_MINIMUM);
	int64_t longest = nbd->library.get_block_size(nbd->handle, LIBNBD_SIZE_MAXIMUM);

	if (unit < 0 || longest < 0)
		return fail(err, BS_NO_CONNECTION, "%s does not tell its block sizes", nbd->server);
	unit = unit > 0 ? unit : 1;
	longest = longest > 0 ? longest : LONGEST_REQUEST;
	if (unit > LARGEST_UNIT || longest < unit)
		return fail(err, BS_SERVER_UNSUITABLE,
			    "%s asks for requests of %" PRId64 " to %" PRId64 " bytes", nbd->server,
			    unit, longest);
	nbd->unit = (uint32_t)unit;
	nbd->longest = (uint32_t)min_u64((uint64_t)longest, LONGEST_REQUEST);
	nbd->longest -= nbd->longest % nbd->unit;
	return 0;
}

static int nbd_take_properties(struct nbd *nbd, bool writable, struct bs_error *err)
{
	int64_t size = nbd->library.get_size(nbd->handle);

	if (size < 0)
		return fail(err, BS_NO_CONNECTION, "%s does not tell how large the disk is",
			    nbd->server);
	if (writable && nbd->library.is_read_only(nbd->handle) != 0)
		return fail(err, BS_READ_ONLY, "%s lets nobody write to it", nbd->server);
	if (writable && nbd->library.can_flush(nbd->handle) <= 0)
		return fail(err, BS_SERVER_UNSUITABLE,
			    "%s cannot flush: nothing written to it would be safe", nbd->server);
	if (nbd_take_block_sizes(nbd, err) < 0)
		return -1;
	nbd->disk.size = (uint64_t)size - (uint64_t)size % nbd->unit;
	nbd->disk.operations = writable ? &writable_operations : &read_only_operations;
	return 0;
}

/* Connects and returns the disk.  On error, closes the disk and returns NULL. */
static struct disk *nbd_finish_opening(struct nbd *nbd, int begun, bool writable,
				       struct bs_error *err)
{
	if (nbd_connect_server(nbd, begun, err) == 0 &&
	    nbd_take_properties(nbd, writable, err) == 0)
		return &nbd->disk;
	nbd_disk_close(&nbd->disk);
	return NULL;
}

struct disk *nbd_open_socket(int socket, const char *server, bool writable, int patience,
			     struct bs_error *err)
{
	struct nbd *nbd = nbd_make(server, patience, err);

	if (!nbd) {
		close(socket);
		return NULL;
	}
	/* A structured reply has several parts, and qemu-nbd looks for holes to make them.  Both
	 * take more time than the bytes of a hole. */
	nbd->library.set_request_structured_replies(nbd->handle, false);
	return nbd_finish_opening(nbd, nbd->library.aio_connect_socket(nbd->handle, socket),
				  writable, err);
}

struct disk *nbd_open_uri(const char *uri, bool writable, int patience, struct bs_error *err)
{
	struct nbd *nbd = nbd_make("the NBD server", patience, err);

	if (!nbd)
		return NULL;
	/* The user chose the address, and with it the local files that it names. */
	nbd->library.set_uri_allow_local_file(nbd->handle, true);
	return nbd_finish_opening(nbd, nbd->library.aio_connect_uri(nbd->handle, uri), writable,
				  err);
}

/* Waits until the connection is closed.  `result` is the result of nbd_aio_disconnect(). */
static int nbd_hang_up(struct nbd *nbd, int result, struct bs_error *err)
{
	struct deadline deadline = deadline_after((uint64_t)nbd->patience);

	if (result < 0)
		return nbd_fail_connection(nbd, err);
	while (nbd->library.aio_is_closed(nbd->handle) == 0 &&
	       nbd->library.aio_is_dead(nbd->handle) == 0)
		if (nbd_wait(nbd, deadline, err) < 0)
			return -1;
	nbd->broken = true;
	return 0;
}

int nbd_disconnect(struct disk *disk, struct bs_error *err)
{
	struct nbd *nbd = (struct nbd *)disk;

	if (nbd_check_usable(nbd, err) < 0)
		return -1;
	if (nbd_hang_up(nbd, nbd->library.aio_disconnect(nbd->handle, 0), err) == 0)
		return 0;
	return fail_prefix(err, "cannot disconnect from %s", nbd->server);
}

bool nbd_is_connected(const struct disk *disk)
{
	return !((const struct nbd *)disk)->broken;
}
