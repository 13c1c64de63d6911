/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both directions of the channel between the worker and its parent. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk/guard.h"
#include "fuzz/fuzz.h"
#include "util/bytes.h"
#include "worker/message.h"
#include "worker/remote-wire.h"

#define PATIENCE      1000                   /* milliseconds */
#define LIMIT         1024u                  /* bytes of a message */
#define SERVED_SIZE   (4u * REMOTE_READ_MAX) /* bytes; of the disk that the parent serves */
#define FLAG          0x1BEu                 /* where the worker may write 0x00 or 0x80 */
#define ZONE          (32u << 10)            /* where the worker may write anything */
#define ZONE_SIZE     (16u << 10)
#define PAGE          4096u
#define INPUT_MAX     2048u /* bytes; of an input that is made here */
#define TEXT_TOO_LONG (sizeof(((struct bs_error *)NULL)->message) + 64)

/*
 * Makes a channel on which the other side has sent `size` bytes, and then closed its socket for
 * writing.  All channels have the same window, because a new one for each input takes more time than
 * the rest.  The pages beside the window cannot be used.  Returns false if the system has no sockets.
 */
static bool channel_open(struct remote_end *own, struct remote_end *other, const uint8_t *bytes,
			 size_t size)
{
	static uint8_t *window;
	int sockets[2];

	if (!window) {
		window = mmap(NULL, REMOTE_WINDOW_SIZE + 2 * PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		FUZZ_CHECK(window != MAP_FAILED);
		window += PAGE;
		FUZZ_CHECK(mprotect(window, REMOTE_WINDOW_SIZE, PROT_READ | PROT_WRITE) == 0);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return false;
	*own = (struct remote_end){.socket = sockets[0], .window = window};
	*other = (struct remote_end){.socket = sockets[1], .window = window};
	FUZZ_CHECK(send(other->socket, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
	FUZZ_CHECK(shutdown(other->socket, SHUT_WR) == 0);
	return true;
}

static void channel_close(struct remote_end *own, struct remote_end *other)
{
	close(own->socket);
	close(other->socket);
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* The disk that the parent serves, behind the guard.  Its bytes are zeros. */
struct served {
	struct disk disk;
	size_t read; /* bytes; of the longest read */
};

static int served_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	struct served *served = (struct served *)disk;

	(void)err;
	FUZZ_CHECK(length <= REMOTE_READ_MAX && range_within(offset, length, SERVED_SIZE));
	memset(buffer, 0, length);
	served->read = max_u64(served->read, length);
	return 0;
}

static int served_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	const uint8_t *bytes = buffer;

	(void)disk;
	(void)err;
	FUZZ_CHECK(length <= REMOTE_WRITE_MAX);
	if (offset == FLAG)
		FUZZ_CHECK(length == 1 && (bytes[0] == 0x00 || bytes[0] == 0x80));
	else
		FUZZ_CHECK(offset >= ZONE && range_within(offset - ZONE, length, ZONE_SIZE));
	return 0;
}

/*
 * A hostile worker.  The input is the length of the list of writes (u16), the list, and what the worker
 * sends.  Whatever it sends, the guard keeps all bytes outside of its zone.
 */
void fuzz_to_parent(const uint8_t *bytes, size_t size)
{
	static const struct disk_operations operations = {.read = served_read,
							  .write = served_write};
	const struct guard_range allowed[] = {{FLAG, 1, GUARD_ACTIVE_FLAG},
					      {ZONE, ZONE_SIZE, GUARD_ANY_BYTES}};
	struct served served = {{&operations, SERVED_SIZE}, 0};
	struct remote_end parent, worker;
	struct remote_message message;
	struct bs_error err = {.code = BS_OK};
	struct guard *guard;
	size_t list;

	if (size < 2)
		return;
	list = min_u64(load_le16(bytes), size - 2);
	if (!channel_open(&parent, &worker, bytes + 2 + list, size - 2 - list))
		return;
	memcpy(worker.window + REMOTE_READ_MAX, bytes + 2, list);
	guard = guard_open(&served.disk, &err);
	FUZZ_CHECK(guard && guard_allow(guard, allowed, 2, &err) == 0);
	while (remote_serve(parent, guard_disk(guard), LIMIT, PATIENCE, NULL, &message, &err) ==
	       0) {
		FUZZ_CHECK(message.payload && message.length <= LIMIT &&
			   message.payload[message.length] == 0);
		free(message.payload);
	}
	FUZZ_CHECK(err.code == BS_WORKER || err.code == BS_NO_MEMORY);
	disk_close(guard_disk(guard));
	/* The next input gets a window of zeros; the bytes of a read are zeros already. */
	memset(worker.window + REMOTE_READ_MAX, 0, list);
	channel_close(&parent, &worker);
}

/* ---- the worker ---------------------------------------------------------------------------- */

/* A wrong answer of the parent ends the worker's work with an error. */
void fuzz_to_worker(const uint8_t *bytes, size_t size)
{
	static const uint8_t written[600] = {1, 2, 3};
	struct remote_end parent, worker;
	struct remote_message message;
	struct remote_header first;
	struct bs_error err = {.code = BS_OK};
	uint8_t buffer[1000];
	struct disk *disk;

	if (size == 0 || !channel_open(&worker, &parent, bytes + 1, size - 1))
		return;
	disk = remote_open(worker, SERVED_SIZE, &err);
	FUZZ_CHECK(disk != NULL);
	for (unsigned i = 0; i < 4; i++) {
		int result;

		if (bytes[0] >> i & 1)
			result = disk_write(disk, 512 * i, written, sizeof(written), &err);
		else
			result = disk_read(disk, 300 * i, buffer, sizeof(buffer), &err);
		/* The answer to a read that succeeds has the length of the read. */
		if (i == 0 && !(bytes[0] & 1) && result == 0)
			FUZZ_CHECK(remote_decode_header(bytes + 1, &first, &err) == 0 &&
				   first.kind == REMOTE_ANSWER && first.length == sizeof(buffer));
		if (result == 0 && bytes[0] >> 4 >> i & 1)
			result = disk_flush(disk, &err);
		if (result < 0)
			FUZZ_CHECK(err.code != BS_OK && (unsigned)err.code < BS_CODE_COUNT &&
				   TERMINATED(err.message));
	}
	(void)!remote_send_writes(disk, &err);
	if (remote_receive_message(worker.socket, 64, PATIENCE, &message, &err) == 0) {
		FUZZ_CHECK(message.length <= 64 && message.payload[message.length] == 0);
		free(message.payload);
	}
	disk_close(disk);
	channel_close(&worker, &parent);
}

/* ---- first inputs -------------------------------------------------------------------------- */

struct channel_input {
	uint8_t bytes[INPUT_MAX];
	size_t size;
};

static void input_add(struct channel_input *input, const void *bytes, size_t size)
{
	FUZZ_CHECK(size <= sizeof(input->bytes) - input->size);
	if (bytes)
		memcpy(input->bytes + input->size, bytes, size);
	else
		memset(input->bytes + input->size, 'x', size);
	input->size += size;
}

static void input_add_header(struct channel_input *input, enum remote_kind kind, uint32_t detail,
			     uint64_t offset, uint64_t length)
{
	const struct remote_header header = {kind, detail, offset, length};
	uint8_t bytes[REMOTE_HEADER_SIZE];

	remote_encode_header(&header, bytes);
	input_add(input, bytes, sizeof(bytes));
}

static void input_add_write(struct channel_input *input, uint64_t offset, const void *bytes,
			    size_t size)
{
	uint8_t head[REMOTE_WRITE_HEAD];

	store_le64(head, offset);
	store_le64(head + 8, size);
	input_add(input, head, sizeof(head));
	input_add(input, bytes, size);
	store_le16(input->bytes, (uint16_t)(input->size - 2)); /* the length of the list */
}

/* A list of one write. */
static void make_write(fuzz_taker *take, const char *name, uint64_t offset, const void *bytes,
		       size_t size)
{
	struct channel_input input = {.size = 2};

	input_add_write(&input, offset, bytes, size);
	input_add_header(&input, REMOTE_WRITES, 0, REMOTE_READ_MAX, input.size - 2);
	take("to-parent", name, input.bytes, input.size);
}

/* One request, and bytes behind it. */
static void make_request(fuzz_taker *take, const char *name, enum remote_kind kind, uint64_t offset,
			 uint64_t length, size_t behind)
{
	struct channel_input input = {.size = 2};

	input_add_header(&input, kind, MESSAGE_DONE, offset, length);
	input_add(&input, NULL, behind);
	take("to-parent", name, input.bytes, input.size);
}

/* What a parent answers to the first read. */
static void make_answer(fuzz_taker *take, const char *name, enum remote_kind kind, uint32_t detail,
			uint64_t length, size_t behind)
{
	struct channel_input input = {.size = 1};

	input_add_header(&input, kind, detail, 0, length);
	input_add(&input, NULL, behind);
	take("to-worker", name, input.bytes, input.size);
}

/* A list of two writes, a read, the writes, a flush, an account, a message. */
static void make_good_worker(fuzz_taker *take)
{
	struct channel_input input = {.size = 2};
	size_t list;

	input_add_write(&input, ZONE, "abcd", 4);
	input_add_write(&input, FLAG, "\x80", 1);
	list = input.size - 2;
	input_add_header(&input, REMOTE_READ, 0, 512, 512);
	input_add_header(&input, REMOTE_WRITES, 0, REMOTE_READ_MAX, list);
	input_add_header(&input, REMOTE_FLUSH, 0, 0, 0);
	input_add_header(&input, REMOTE_ACCOUNT, 0, 0, 4096);
	input_add_header(&input, REMOTE_MESSAGE, MESSAGE_DONE, 0, 8);
	input_add(&input, NULL, 8);
	take("to-parent", "good", input.bytes, input.size);
}

/* The answers to a write, a flush and reads, a failure, a message. */
static void make_good_parent(fuzz_taker *take)
{
	struct channel_input input = {.bytes = {0x11}, .size = 1};

	input_add_header(&input, REMOTE_ANSWER, 0, 0, 600 + REMOTE_WRITE_HEAD);
	input_add_header(&input, REMOTE_ANSWER, 0, 0, 0);
	input_add_header(&input, REMOTE_ANSWER, 0, 0, 1000);
	input_add_header(&input, REMOTE_FAILURE, BS_IO, 0, 4);
	input_add(&input, NULL, 4);
	input_add_header(&input, REMOTE_ANSWER, 0, 0, 1000);
	input_add_header(&input, REMOTE_MESSAGE, MESSAGE_PROCEED, 0, 0);
	take("to-worker", "good", input.bytes, input.size);
}

void fuzz_make_channel_inputs(fuzz_taker *take)
{
	make_good_worker(take);
	make_write(take, "write-outside-of-the-zone", ZONE - 1, "ab", 2);
	make_write(take, "write-beyond-the-zone", ZONE + ZONE_SIZE - 1, "ab", 2);
	make_write(take, "write-to-the-table", FLAG + 4, "\x07", 1);
	make_write(take, "flag-with-another-value", FLAG, "\x81", 1);
	make_request(take, "list-longer-than-the-window", REMOTE_WRITES, REMOTE_READ_MAX,
		     1ull << 40, 0);
	make_request(take, "read-too-long", REMOTE_READ, 0, REMOTE_READ_MAX + 1, 0);
	make_request(take, "message-too-long", REMOTE_MESSAGE, 0, LIMIT + 1, LIMIT + 1);
	make_good_parent(take);
	make_answer(take, "answer-of-another-length", REMOTE_ANSWER, 0, 999, 0);
	make_answer(take, "failure-with-a-text-too-long", REMOTE_FAILURE, BS_IO, TEXT_TOO_LONG,
		    TEXT_TOO_LONG);
}
