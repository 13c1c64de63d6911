/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel between the confined worker and its parent, which has the image.  The worker sees a
 * disk; each operation on it is a request to the parent.  Messages go in both directions.
 *
 * The channel is a socketpair(AF_UNIX, SOCK_STREAM) in blocking mode, and a window: memory that both
 * processes share.  Requests and messages go through the sockets.  The bytes of the disk lie in the
 * window, so that a request needs no system call for each part of its bytes.
 *
 * The worker speaks first; each of its requests is answered before the next one.  Neither side
 * trusts the other.  Wrong data from the other side is an error (BS_WORKER), and so is its end;
 * silence is BS_TIMEOUT.  Neither side can make the other allocate more memory than a fixed limit.
 * The worker can change the window at any time.  So the parent never uses bytes in the window: it
 * copies bytes that are written, and checks and writes the copy.
 *
 * `patience` is how long to wait for the other side, in milliseconds: for each whole header, and
 * for each whole payload.  With REMOTE_FOREVER, the wait ends when the other side ends, and the
 * functions call only sendmsg and recvmsg.
 */
#ifndef BOOTSHIFT_REMOTE_H
#define BOOTSHIFT_REMOTE_H

#include "disk/disk.h"

#define REMOTE_FOREVER (-1)

/* One end of a channel. */
struct remote_end {
	int socket;
	uint8_t *window;    /* the same memory at both ends */
	struct disk *local; /* at the worker's end: what it reads by itself; NULL: nothing */
};

/*
 * Makes a channel, before the fork.  After the fork, the parent closes the worker's socket, and the
 * worker closes the parent's.  The parent frees its own end with remote_close_end().  Errors:
 * BS_SYSTEM_LIMIT, BS_NO_MEMORY.
 */
MUST_CHECK int remote_make_channel(struct remote_end *parent, struct remote_end *worker,
				   struct bs_error *err);
void remote_close_end(struct remote_end *end);

/*
 * Returns the worker's end of the channel as a disk of `size` bytes.  The caller leaves the socket
 * open as long as the disk.  The operations fail with the errors of the parent's disk, or
 * BS_WORKER.  The caller frees the disk with disk_close().  Returns NULL on error: BS_NO_MEMORY.
 *
 * If `end` has a local disk, that is the parent's disk as it was at the fork, with a disk_descriptor().
 * Then the worker reads by itself what it has not written, and now and then tells the parent how many
 * bytes these were.  The parent reads what cannot be read so.
 *
 * Writes are collected in the window, and sent together: when the window is full, before a read of
 * bytes that were written, with a flush, and with remote_send_writes().  So a failed write may be
 * reported by a later operation.  After a failed write, all operations fail with its error.
 */
MUST_CHECK struct disk *remote_open(struct remote_end end, uint64_t size, struct bs_error *err);

/*
 * Sends the writes that are still in the window.  Between two operations of the disk, the caller
 * may send and receive messages on the socket.  To make the parent see all writes before a message,
 * the caller calls this function first.  `remote` is the disk of remote_open().
 */
MUST_CHECK int remote_send_writes(struct disk *remote, struct bs_error *err);

/* A message between the worker and its parent; message.h has the types. */
struct remote_message {
	uint32_t type;
	size_t length;    /* bytes of payload */
	uint8_t *payload; /* never NULL; a zero byte follows it; the receiver frees it */
};

MUST_CHECK int remote_send_message(int socket, uint32_t type, const void *payload, size_t length,
				   int patience, struct bs_error *err);

/*
 * Waits for a message, at most `limit` bytes long.  Errors: BS_WORKER when something else comes,
 * BS_TIMEOUT when nothing comes, BS_NO_MEMORY.
 */
MUST_CHECK int remote_receive_message(int socket, size_t limit, int patience,
				      struct remote_message *message, struct bs_error *err);

enum remote_use {
	REMOTE_USE_READ,
	REMOTE_USE_WRITE, /* or a flush, whose length is 0 */
	REMOTE_USE_MESSAGE,
	REMOTE_USE_COUNT
};

/*
 * remote_serve() calls charge() before it carries out a read, a write or a flush, and for each
 * message.  `length` is in bytes.  `waited` is the worker's time since the last call, in
 * milliseconds, without the time that the disk took.  If charge() fails, remote_serve() returns its
 * error.
 */
struct remote_meter {
	int (*charge)(void *context, enum remote_use use, uint64_t length, uint64_t waited,
		      struct bs_error *err);
	void *context;
};

/*
 * The parent's end: carries out the worker's requests on `disk` until a message comes, at most
 * `limit` bytes long, and returns the message.  The caller may answer it and call again.  An error
 * of `disk` goes to the worker and does not end the function.  `meter` may be NULL.  Errors: those
 * of the meter, BS_WORKER, BS_TIMEOUT, BS_NO_MEMORY, BS_SYSTEM_LIMIT.  After an error, the channel
 * cannot be used any more.
 */
MUST_CHECK int remote_serve(struct remote_end end, struct disk *disk, size_t limit, int patience,
			    const struct remote_meter *meter, struct remote_message *message,
			    struct bs_error *err);

#endif
