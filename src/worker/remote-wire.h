/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frames on the channel of remote.h.  A frame is a header of fixed size and a payload.  Only
 * the files that implement the channel include this file.
 *
 * The header, all numbers little-endian:
 *
 *    0  u32  magic
 *    4  u32  kind
 *    8  u32  detail: the code of a failure, the type of a message, else 0
 *   12  u32  0
 *   16  u64  offset in the disk, of a read or a write, else 0
 *   24  u64  length of the payload; in a read request: the number of bytes to read
 *
 *   request         payload      answered by
 *   read            -            answer with the bytes, or failure
 *   write           the bytes    answer without payload, or failure
 *   flush           -            answer without payload, or failure
 *
 * The payload of a failure is its text.  Both sides run the same program, so there is no version.
 */
#ifndef BOOTSHIFT_REMOTE_WIRE_H
#define BOOTSHIFT_REMOTE_WIRE_H

#include "worker/remote.h"

#define REMOTE_MAGIC       0x52534262u /* "bBSR" */
#define REMOTE_HEADER_SIZE 32u
#define REMOTE_CHUNK_SIZE  (1u << 20) /* the most bytes of a disk in one frame */

enum remote_kind {
	REMOTE_READ = 1,
	REMOTE_WRITE = 2,
	REMOTE_FLUSH = 3,
	REMOTE_ANSWER = 4,
	REMOTE_FAILURE = 5,
	REMOTE_MESSAGE = 6,
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

/* Receives exactly `length` bytes. */
MUST_CHECK int remote_receive(int socket, void *payload, size_t length, int patience,
			      struct bs_error *err);

/* Receives the payload of a message after its header. */
MUST_CHECK int remote_receive_payload(int socket, const struct remote_header *header, size_t limit,
				      int patience, struct remote_message *message,
				      struct bs_error *err);

#endif
