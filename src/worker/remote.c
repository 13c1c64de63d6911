/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker's end of the channel.  The worker is confined, so once the channel is open, this code
 * makes no system calls but sendmsg, recvmsg, and the reads of the local disk.
 *
 * An exchange is a request and its answer.  After an exchange fails halfway, its late bytes would
 * look like the next answer.  So the disk then stays broken.
 */
#include <stdlib.h>

#include "util/bytes.h"
#include "util/range.h"
#include "worker/remote-wire.h"

#define WRITTEN_MIN 64u   /* ranges that are kept without being merged */
#define BLOCK       4096u /* bytes; the unit in which the parent keeps what was written */

struct remote {
	struct disk disk;
	struct remote_end end;
	bool broken;
	uint8_t *writes;             /* the list of writes in the window */
	size_t room;                 /* for the list, bytes */
	size_t length;               /* of the list, bytes */
	struct range_vector written; /* not in the local disk; without one, what was not sent yet */
	size_t merged;               /* how many ranges `written` had after it was merged */
	uint64_t untold;             /* bytes read from the local disk since the last account */
	bool told;                   /* there was an account */
	struct bs_error failure; /* of a write that the parent could not carry out; BS_OK: none */
};

/* Receives the error with which the parent answers a request. */
static int remote_receive_failure(struct remote *remote, const struct remote_header *header,
				  struct bs_error *err)
{
	char text[sizeof(err->message)] = {0};

	if (header->detail == BS_OK || header->detail >= BS_CODE_COUNT ||
	    header->length >= sizeof(text))
		return fail(err, BS_WORKER, "the parent process sent an invalid error");
	if (remote_receive(remote->end.socket, text, (size_t)header->length, REMOTE_FOREVER, err) <
	    0)
		return -1;
	/* The text will be printed, so it must not contain terminal control characters. */
	for (size_t i = 0; i < header->length; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	remote->broken = false;
	return fail(err, (enum bs_code)header->detail, "%s", text);
}

/* Sends a request and receives the answer, whose length must be the request's. */
static int remote_exchange(struct remote *remote, const struct remote_header *request,
			   struct bs_error *err)
{
	struct remote_header answer;

	if (remote->broken)
		return fail(err, BS_WORKER, "the channel to the parent process is broken");
	remote->broken = true; /* until the whole exchange is over */
	if (remote_send(remote->end.socket, request, NULL, 0, REMOTE_FOREVER, err) < 0 ||
	    remote_receive_header(remote->end.socket, &answer, REMOTE_FOREVER, err) < 0)
		return -1;
	if (answer.kind == REMOTE_FAILURE)
		return remote_receive_failure(remote, &answer, err);
	if (answer.kind != REMOTE_ANSWER || answer.length != request->length)
		return fail(err, BS_WORKER, "the parent process sent an invalid answer");
	remote->broken = false;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

int remote_send_writes(struct disk *disk, struct bs_error *err)
{
	struct remote *remote = (struct remote *)disk;
	const struct remote_header request = {
		REMOTE_WRITES, 0, (uint64_t)(remote->writes - remote->end.window), remote->length};

	if (remote->failure.code == BS_OK && remote->length > 0 &&
	    remote_exchange(remote, &request, &remote->failure) == 0) {
		remote->length = 0;
		if (!remote->end.local)
			remote->written.count = 0;
	}
	if (remote->failure.code == BS_OK)
		return 0;
	*err = remote->failure;
	return -1;
}

/* Many writes repeat earlier ones, so the list of what was written is merged whenever it doubled. */
static int remote_note_written(struct remote *remote, struct range range, struct bs_error *err)
{
	if (remote->written.count > 2 * remote->merged + WRITTEN_MIN) {
		range_vector_merge(&remote->written);
		remote->merged = remote->written.count;
	}
	return range_vector_extend(&remote->written, range, err);
}

static bool remote_has_written(const struct remote *remote, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < remote->written.count; i++)
		if (range_overlaps(remote->written.items[i], (struct range){offset, length}))
			return true;
	return false;
}

static int remote_write(struct disk *disk, uint64_t offset, const void *buffer, size_t length,
			struct bs_error *err)
{
	struct remote *remote = (struct remote *)disk;
	const uint8_t *next = buffer;

	while (length > 0) {
		size_t room = remote->room - remote->length, part;
		uint8_t *write = remote->writes + remote->length;

		if (room < REMOTE_WRITE_HEAD + BLOCK || remote->failure.code != BS_OK) {
			if (remote_send_writes(disk, err) < 0)
				return -1;
			continue; /* the list is empty now */
		}
		part = min_u64(length, min_u64(room - REMOTE_WRITE_HEAD, REMOTE_WRITE_MAX));
		if (part < length) /* at least BLOCK bytes; no block is cut */
			part -= (offset + part) % BLOCK;
		/* Not the whole range before: what is sent in between is forgotten. */
		if (remote_note_written(remote, (struct range){offset, part}, err) < 0)
			return -1;
		store_le64(write, offset);
		store_le64(write + 8, part);
		memcpy(write + REMOTE_WRITE_HEAD, next, part);
		remote->length += REMOTE_WRITE_HEAD + part;
		next += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int remote_flush(struct disk *disk, struct bs_error *err)
{
	const struct remote_header request = {REMOTE_FLUSH, 0, 0, 0};

	if (remote_send_writes(disk, err) < 0)
		return -1;
	return remote_exchange((struct remote *)disk, &request, err);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The first account comes before the first byte: from then on the image may be to blame. */
static int remote_read_local(struct remote *remote, uint64_t offset, void *buffer, size_t length,
			     struct bs_error *err)
{
	const struct remote_header account = {REMOTE_ACCOUNT, 0, 0, remote->untold + length};

	remote->untold += length;
	if (!remote->told || remote->untold >= REMOTE_ACCOUNT_MAX) {
		if (remote_exchange(remote, &account, err) < 0)
			return -1;
		remote->told = true;
		remote->untold = 0;
	}
	return disk_read(remote->end.local, offset, buffer, length, err);
}

static int remote_read(struct disk *disk, uint64_t offset, void *buffer, size_t length,
		       struct bs_error *err)
{
	struct remote *remote = (struct remote *)disk;
	bool written = remote_has_written(remote, offset, length);
	struct bs_error ignored;

	/* What cannot be read here, the parent reads: errors of the storage are the parent's to report. */
	if (remote->end.local && !written && remote->failure.code == BS_OK &&
	    remote_read_local(remote, offset, buffer, length, &ignored) == 0)
		return 0;
	if ((remote->end.local || written || remote->failure.code != BS_OK) &&
	    remote_send_writes(disk, err) < 0)
		return -1;
	for (size_t done = 0; done < length;) {
		size_t part = min_u64(length - done, REMOTE_READ_MAX);
		const struct remote_header request = {REMOTE_READ, 0, offset + done, part};

		if (remote_exchange(remote, &request, err) < 0)
			return -1;
		memcpy((uint8_t *)buffer + done, remote->end.window, part);
		done += part;
	}
	return 0;
}

static void remote_close(struct disk *disk)
{
	range_vector_free(&((struct remote *)disk)->written);
	free(disk);
}

static const struct disk_operations remote_operations = {
	.read = remote_read,
	.write = remote_write,
	.flush = remote_flush,
	.close = remote_close,
};

struct disk *remote_open(struct remote_end end, uint64_t size, struct bs_error *err)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (!remote) {
		(void)fail_memory(err);
		return NULL;
	}
	remote->disk.operations = &remote_operations;
	remote->disk.size = size;
	remote->end = end;
	/* With a local disk, the list is always empty when the parent is asked for bytes. */
	remote->writes = end.window + (end.local ? 0 : REMOTE_READ_MAX);
	remote->room = REMOTE_WINDOW_SIZE - (size_t)(remote->writes - end.window);
	return &remote->disk;
}
