/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frames on the channel of remote.h, and its window.  A frame is a header of fixed size and a
 * payload.  Only the files that implement the channel include this file.
 *
 * The header, all numbers little-endian:
 *
 *    0  u32  magic
 *    4  u32  kind
 *    8  u32  detail: the code of a failure, the type of a message, else 0
 *   12  u32  0
 *   16  u64  offset of a read in the disk; of the list of writes in the window; else 0
 *   24  u64  length: of the payload of a failure or a message; of the bytes of a read; of the list
 *            of writes; of what the worker has read by itself; else 0
 *
 *   request   in the window              answered by
 *   read      -                          answer, with the bytes in the window; or failure
 *   writes    a list of writes           answer, or failure
 *   flush     -                          answer, or failure
 *   account   -                          answer; `length` bytes were read by the worker itself
 *
 * Only failures (their text) and messages have a payload.  The bytes of a read lie at the start of
 * the window, and the worker places the list of writes.  Each write in the list is its offset
 * in the disk (u64), its length (u64) and its bytes; the next write follows without a gap.  The
 * parent carries them out in this order, up to the first that fails.
 *
 * Both sides run the same program, so there is no version.
 */
#ifndef BOOTSHIFT_REMOTE_WIRE_H
#define BOOTSHIFT_REMOTE_WIRE_H

#include "worker/remote.h"

#define REMOTE_MAGIC       0x52534262u /* "bBSR" */
#define REMOTE_HEADER_SIZE 32u
#define REMOTE_READ_MAX    (1u << 19) /* the most bytes of one read */
#define REMOTE_WRITES_MAX  (1u << 19) /* bytes of a list of writes behind the bytes of a read */
#define REMOTE_WRITE_MAX   (1u << 16) /* the most bytes of one write in the list */
#define REMOTE_WRITE_HEAD  16u        /* bytes of a write in the list before its own bytes */
#define REMOTE_ACCOUNT_MAX (8u << 20) /* bytes that a worker reads by itself between two accounts */
#define REMOTE_WINDOW_SIZE (REMOTE_READ_MAX + REMOTE_WRITES_MAX)

enum remote_kind {
	REMOTE_READ = 1,
	REMOTE_WRITES = 2,
	REMOTE_FLUSH = 3,
	REMOTE_ACCOUNT = 4,
	REMOTE_ANSWER = 5,
	REMOTE_FAILURE = 6,
	REMOTE_MESSAGE = 7,
};

struct remote_header {
	enum remote_kind kind;
	uint32_t detail;
	uint64_t offset;
	uint64_t length;
};

void remote_encode_header(const struct remote_header *header, uint8_t bytes[REMOTE_HEADER_SIZE]);

/* Error: BS_WORKER when the bytes are no header.  The function does not check the length. */
MUST_CHECK int remote_decode_header(const uint8_t bytes[REMOTE_HEADER_SIZE],
				    struct remote_header *header, struct bs_error *err);

/* Sends a header and `length` bytes of payload. */
MUST_CHECK int remote_send(int socket, const struct remote_header *header, const void *payload,
			   size_t length, int patience, struct bs_error *err);

MUST_CHECK int remote_receive_header(int socket, struct remote_header *header, int patience,
				     struct bs_error *err);

/*
 * Sets the time limit of the receiving functions: `patience` for each call.  Their parameter of the
 * same name must be the same.  The worker, which waits for ever, does not need this.
 */
MUST_CHECK int remote_limit_silence(int socket, int patience, struct bs_error *err);

/* Receives exactly `length` bytes. */
MUST_CHECK int remote_receive(int socket, void *payload, size_t length, int patience,
			      struct bs_error *err);

/* Receives the payload of a message after its header. */
MUST_CHECK int remote_receive_payload(int socket, const struct remote_header *header, size_t limit,
				      int patience, struct remote_message *message,
				      struct bs_error *err);

#endif
