/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel between the confined worker and the process that has the image: a disk for the
 * worker whose every operation is a request to the other side, and messages in both directions.
 *
 * The channel is a socketpair(AF_UNIX, SOCK_STREAM) in blocking mode, of which each process has
 * one end.  The worker speaks first; each of its requests is answered before the next one.
 * Neither side trusts the other.  Whatever the other side sends is at worst an error (BS_WORKER),
 * and so is its end; silence is another error (BS_TIMEOUT).  Neither side can make the other
 * allocate more memory than a limit that is known beforehand.
 *
 * `patience` is how long to wait for the other side, in milliseconds: for each header as a whole,
 * and for each payload as a whole.  With REMOTE_FOREVER the wait ends when the other side ends,
 * and the functions make no system calls but sendmsg and recvmsg; otherwise also poll.
 */
#ifndef BOOTSHIFT_REMOTE_H
#define BOOTSHIFT_REMOTE_H

#include "disk/disk.h"

#define REMOTE_FOREVER (-1)

/*
 * The worker's end as a disk of `size` bytes.  `socket` stays the caller's and must stay open as
 * long as the disk; between two operations of the disk the caller may send and receive messages
 * on it.  Errors of the operations are those of the disk on the other side, or BS_WORKER.  Freed
 * with disk_close().  NULL: BS_NO_MEMORY.
 */
MUST_CHECK struct disk *remote_open(int socket, uint64_t size, struct bs_error *err);

/* What the worker and its parent tell each other; message.h has the types. */
struct remote_message {
	uint32_t type;
	size_t length;    /* bytes of payload */
	uint8_t *payload; /* never NULL, with a zero byte behind it; the receiver frees it */
};

MUST_CHECK int remote_send_message(int socket, uint32_t type, const void *payload, size_t length,
				   int patience, struct bs_error *err);

/*
 * Waits for a message, at most `limit` bytes long.  Errors: BS_WORKER when something else comes,
 * BS_TIMEOUT when nothing does, BS_NO_MEMORY.
 */
MUST_CHECK int remote_receive_message(int socket, size_t limit, int patience,
				      struct remote_message *message, struct bs_error *err);

enum remote_use {
	REMOTE_USE_READ,
	REMOTE_USE_WRITE, /* or a flush, of no length */
	REMOTE_USE_MESSAGE,
	REMOTE_USE_COUNT
};

/*
 * Called for each request before it is carried out, and for each message.  `length` is in bytes;
 * `waited` is how many milliseconds the worker took since the last call, without the time that the
 * disk took.  An error ends the serving.
 */
struct remote_meter {
	int (*charge)(void *context, enum remote_use use, uint64_t length, uint64_t waited,
		      struct bs_error *err);
	void *context;
};

/*
 * The parent's end: carries out the worker's requests on `disk` until a message comes, at most
 * `limit` bytes long, and hands that over.  The caller may answer it and call again.  An error of
 * `disk` goes to the worker and does not end the function.  `meter` may be NULL.  Errors: those of
 * the meter, BS_WORKER, BS_TIMEOUT, BS_NO_MEMORY, BS_SYSTEM_LIMIT; after one the channel cannot be
 * used any more.
 */
MUST_CHECK int remote_serve(int socket, struct disk *disk, size_t limit, int patience,
			    const struct remote_meter *meter, struct remote_message *message,
			    struct bs_error *err);

#endif
