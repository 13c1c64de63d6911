/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel between worker and parent.  The worker is a child process: a good worker, or a worker
 * that dies, lies, or sends nothing.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/guard.h"
#include "unit/memory-disk.h"
#include "worker/remote-wire.h"
#include "worker/remote.h"

#define SIZE     (3u * REMOTE_CHUNK_SIZE + 1000)
#define LIMIT    4096u
#define PATIENCE 60000 /* milliseconds: enough for a busy machine */

static struct memory_disk *memory;
static int worker_end, parent_end;

static void setup(void)
{
	int ends[2];

	memory = memory_disk_open(SIZE);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	worker_end = ends[0];
	parent_end = ends[1];
}

static void teardown(void)
{
	disk_close(&memory->disk);
}

/*
 * Runs `work` in a worker process, on the worker's end.  If `work` returns true, the process
 * succeeds.  `work` must not use ck_assert: its messages would go to the pipe of the test itself.
 */
static pid_t start_worker(bool (*work)(int socket))
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(parent_end);
		_exit(work(worker_end) ? 0 : 1);
	}
	close(worker_end);
	return child;
}

static void assert_worker_was_content(pid_t child)
{
	int status;

	close(parent_end);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

static void assert_serves_until_message(struct disk *disk, uint32_t type, const char *text)
{
	struct bs_error err = {0};
	struct remote_message message;

	ck_assert_msg(remote_serve(parent_end, disk, LIMIT, PATIENCE, NULL, &message, &err) == 0,
		      "%s", err.message);
	ck_assert_uint_eq(message.type, type);
	ck_assert_uint_eq(message.length, strlen(text));
	ck_assert_str_eq((char *)message.payload, text);
	free(message.payload);
}

/* Serves with little patience, which must end in an error with this text. */
static void assert_serving_fails(enum bs_code code, const char *text)
{
	struct bs_error err = {0};
	struct remote_message message;

	ck_assert_int_eq(remote_serve(parent_end, &memory->disk, LIMIT, 200, NULL, &message, &err),
			 -1);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.message, text), "%s", err.message);
}

static bool say(int socket, uint32_t type, const char *text)
{
	struct bs_error err;

	return remote_send_message(socket, type, text, strlen(text), REMOTE_FOREVER, &err) == 0;
}

static bool send_header(int socket, enum remote_kind kind, uint64_t offset, uint64_t length)
{
	struct remote_header header = {kind, 0, offset, length};
	uint8_t bytes[REMOTE_HEADER_SIZE];

	remote_encode_header(&header, bytes);
	return write(socket, bytes, sizeof(bytes)) == sizeof(bytes);
}

/* ---- the header --------------------------------------------------------------------------- */

TEST_CASE(remote, "remote", .setup = setup, .teardown = teardown);

TEST(remote, a_header_is_these_bytes)
{
	static const uint8_t expected[REMOTE_HEADER_SIZE] = {
		'b',  'B',  'S',  'R',                          /*  0 magic */
		0x06, 0x00, 0x00, 0x00,                         /*  4 kind: message */
		0x44, 0x33, 0x22, 0x11,                         /*  8 detail */
		0x00, 0x00, 0x00, 0x00,                         /* 12 zero */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* 16 offset */
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* 24 length */
	};
	struct remote_header header = {REMOTE_MESSAGE, 0x11223344, 0x0102030405060708,
				       0x1112131415161718};
	struct remote_header decoded;
	uint8_t bytes[REMOTE_HEADER_SIZE];
	struct bs_error err;

	remote_encode_header(&header, bytes);
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
	ck_assert_int_eq(remote_decode_header(expected, &decoded, &err), 0);
	ck_assert_int_eq(decoded.kind, header.kind);
	ck_assert_uint_eq(decoded.detail, header.detail);
	ck_assert_uint_eq(decoded.offset, header.offset);
	ck_assert_uint_eq(decoded.length, header.length);
}

TEST(remote, a_header_with_a_wrong_magic_kind_or_rest_is_an_error)
{
	static const struct {
		size_t offset;
		uint8_t value;
	} changes[] = {{0, 'B'}, {4, 0}, {4, 7}, {7, 1}, {12, 1}, {15, 1}};
	struct remote_header header = {REMOTE_READ, 0, 0, 0};
	uint8_t bytes[REMOTE_HEADER_SIZE];
	struct bs_error err;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		remote_encode_header(&header, bytes);
		bytes[changes[i].offset] = changes[i].value;
		ck_assert_int_eq(remote_decode_header(bytes, &header, &err), -1);
		ck_assert_int_eq(err.code, BS_WORKER);
	}
}

/* ---- a good worker ------------------------------------------------------------------------ */

/* Adds one to every byte of the disk, in one read and one write. */
static bool increment_everything(int socket)
{
	uint8_t *bytes = malloc(SIZE);
	struct bs_error err;
	struct disk *disk = remote_open(socket, SIZE, &err);

	if (!bytes || !disk || disk_read(disk, 0, bytes, SIZE, &err) != 0)
		return false;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i]++;
	if (disk_write(disk, 0, bytes, SIZE, &err) != 0 || disk_flush(disk, &err) != 0)
		return false;
	free(bytes);
	disk_close(disk);
	return say(socket, 7, "done");
}

TEST(remote, a_worker_reads_writes_and_flushes_the_parents_disk)
{
	uint8_t *expected = malloc(SIZE);
	pid_t child = start_worker(increment_everything);

	for (size_t i = 0; i < SIZE; i++)
		expected[i] = (uint8_t)(memory->bytes[i] + 1);
	assert_serves_until_message(&memory->disk, 7, "done");
	ck_assert_mem_eq(memory->bytes, expected, SIZE);
	ck_assert_uint_eq(memory->reads, 4); /* in chunks */
	ck_assert_uint_eq(memory->writes, 4);
	ck_assert_uint_eq(memory->flushes, 1);
	assert_worker_was_content(child);
	free(expected);
}

static bool talk(int socket)
{
	struct remote_message message;
	struct bs_error err;
	struct disk *disk = remote_open(socket, SIZE, &err);
	uint8_t byte;
	bool good;

	if (!say(socket, 1, "hello") ||
	    remote_receive_message(socket, LIMIT, REMOTE_FOREVER, &message, &err) != 0)
		return false;
	good = message.type == 2 && strcmp((char *)message.payload, "go on") == 0;
	free(message.payload);
	return good && disk_read(disk, 0, &byte, 1, &err) == 0 && say(socket, 3, "");
}

TEST(remote, messages_go_both_ways_between_requests)
{
	struct bs_error err;
	pid_t child = start_worker(talk);

	assert_serves_until_message(&memory->disk, 1, "hello");
	ck_assert_int_eq(remote_send_message(parent_end, 2, "go on", 5, PATIENCE, &err), 0);
	assert_serves_until_message(&memory->disk, 3, "");
	assert_worker_was_content(child);
}

static bool write_where_it_may_not(int socket)
{
	struct bs_error err = {0};
	struct disk *disk = remote_open(socket, SIZE, &err);
	uint8_t byte = 0;

	return disk_write(disk, 1000, &byte, 1, &err) == -1 && err.code == BS_GUARD &&
	       strstr(err.message, "at 1000") && disk_read(disk, 0, &byte, 1, &err) == 0 &&
	       say(socket, 1, err.message);
}

TEST(remote, an_error_of_the_disk_reaches_the_worker_with_its_code_and_text)
{
	struct bs_error err;
	struct guard *guard = guard_open(&memory->disk, &err);
	struct remote_message message;
	pid_t child = start_worker(write_where_it_may_not);

	ck_assert_int_eq(
		remote_serve(parent_end, guard_disk(guard), LIMIT, PATIENCE, NULL, &message, &err),
		0);
	free(message.payload);
	ck_assert_uint_eq(memory->writes, 0);
	assert_worker_was_content(child);
	disk_close(guard_disk(guard));
}

static bool read_and_write_beyond_the_end(int socket)
{
	struct bs_error err;
	struct disk *disk = remote_open(socket, UINT64_MAX, &err); /* a lie */
	uint8_t bytes[10] = {0};

	return disk_read(disk, SIZE - 9, bytes, 10, &err) == -1 && err.code == BS_OUT_OF_RANGE &&
	       disk_write(disk, UINT64_MAX - 10, bytes, 10, &err) == -1 &&
	       err.code == BS_OUT_OF_RANGE && say(socket, 1, "");
}

TEST(remote, a_request_beyond_the_end_is_refused_by_the_disk)
{
	pid_t child = start_worker(read_and_write_beyond_the_end);

	assert_serves_until_message(&memory->disk, 1, "");
	ck_assert_uint_eq(memory->reads + memory->writes, 0);
	assert_worker_was_content(child);
}

/* ---- bad workers -------------------------------------------------------------------------- */

static bool die_at_once(int socket)
{
	(void)socket;
	return true;
}

static bool die_in_a_request(int socket)
{
	return send_header(socket, REMOTE_WRITE, 0, 4096) && write(socket, "half", 4) == 4;
}

static bool be_killed(int socket)
{
	(void)socket;
	raise(SIGKILL);
	return true;
}

TEST_LOOP(remote, a_worker_that_dies_is_an_error, 0, 3)
{
	static bool (*const deaths[])(int) = {die_at_once, die_in_a_request, be_killed};
	pid_t child = start_worker(deaths[_i]);

	assert_serving_fails(BS_WORKER, "ended");
	ck_assert_uint_eq(memory->writes, 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* Stays alive until the parent closes its end. */
static bool wait_for_the_end(int socket)
{
	uint8_t byte;

	while (read(socket, &byte, 1) > 0)
		continue;
	return true;
}

static bool send_garbage(int socket)
{
	static const uint8_t garbage[1000] = "GET / HTTP/1.1";

	return write(socket, garbage, sizeof(garbage)) > 0 && wait_for_the_end(socket);
}

static bool send_oversized_read(int socket)
{
	return send_header(socket, REMOTE_READ, 0, REMOTE_CHUNK_SIZE + 1) &&
	       wait_for_the_end(socket);
}

static bool send_oversized_write(int socket)
{
	return send_header(socket, REMOTE_WRITE, 0, UINT64_MAX) && wait_for_the_end(socket);
}

static bool send_oversized_message(int socket)
{
	return send_header(socket, REMOTE_MESSAGE, 0, LIMIT + 1) && wait_for_the_end(socket);
}

static bool send_answer(int socket)
{
	return send_header(socket, REMOTE_ANSWER, 0, 0) && wait_for_the_end(socket);
}

static bool send_half_a_header(int socket)
{
	return write(socket, "bBSR\1\0\0\0", 8) == 8 && wait_for_the_end(socket);
}

static bool send_half_a_message(int socket)
{
	return send_header(socket, REMOTE_MESSAGE, 0, 100) && write(socket, "half", 4) == 4 &&
	       wait_for_the_end(socket);
}

/* Sends a byte now and then, so that it is never silent for long, but never finishes. */
static bool trickle(int socket)
{
	for (int i = 0; i < 1000; i++) {
		if (send(socket, "b", 1, MSG_NOSIGNAL) != 1)
			return true;
		usleep(50000);
	}
	return false;
}

/* Asks for more than the socket holds, and takes no answer: the parent must not wait for ever. */
static bool never_read(int socket)
{
	for (int i = 0; i < 8; i++)
		if (!send_header(socket, REMOTE_READ, 0, REMOTE_CHUNK_SIZE))
			return false;
	return poll(&(struct pollfd){.fd = socket}, 1, -1) == 1; /* until the other end is closed */
}

static const struct {
	bool (*work)(int socket);
	enum bs_code code;
	const char *text;
} bad_workers[] = {
	{send_garbage, BS_WORKER, "no request"},
	{send_oversized_read, BS_WORKER, "too many bytes"},
	{send_oversized_write, BS_WORKER, "too many bytes"},
	{send_oversized_message, BS_WORKER, "4097 bytes"},
	{send_answer, BS_WORKER, "without a question"},
	{send_half_a_header, BS_TIMEOUT, "silent"},
	{send_half_a_message, BS_TIMEOUT, "silent"},
	{wait_for_the_end, BS_TIMEOUT, "silent"},
	{trickle, BS_TIMEOUT, "silent"},
	{never_read, BS_TIMEOUT, "silent"},
};

TEST_EACH(remote, a_worker_that_lies_or_falls_silent_is_an_error, bad_workers)
{
	pid_t child = start_worker(bad_workers[_i].work);

	assert_serving_fails(bad_workers[_i].code, bad_workers[_i].text);
	assert_worker_was_content(child);
}

TEST(remote, sending_to_a_worker_that_has_gone_is_an_error_and_no_signal)
{
	struct bs_error err;
	pid_t child = start_worker(die_at_once);

	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(remote_send_message(parent_end, 1, "hello", 5, PATIENCE, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	close(parent_end);
}

/* ---- bad parents: the answer lies ready before the question -------------------------------- */

static void assert_read_fails(enum bs_code code, const char *text)
{
	struct bs_error err = {0};
	struct disk *disk = remote_open(worker_end, SIZE, &err);
	uint8_t bytes[100];

	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.message, text), "%s", err.message);
	disk_close(disk);
}

TEST(remote, a_parent_that_has_gone_is_an_error)
{
	close(parent_end);
	assert_read_fails(BS_WORKER, "cannot send");
}

TEST(remote, a_parent_that_goes_in_an_answer_is_an_error)
{
	ck_assert(send_header(parent_end, REMOTE_ANSWER, 0, 100));
	ck_assert_int_eq(write(parent_end, "half", 4), 4);
	ck_assert_int_eq(shutdown(parent_end, SHUT_WR), 0);
	assert_read_fails(BS_WORKER, "ended");
}

TEST(remote, an_answer_of_another_length_breaks_the_disk_for_good)
{
	struct bs_error err;
	struct disk *disk = remote_open(worker_end, SIZE, &err);
	uint8_t bytes[100];

	ck_assert(send_header(parent_end, REMOTE_ANSWER, 0, 99));
	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	ck_assert(send_header(parent_end, REMOTE_ANSWER, 0, 0));
	ck_assert_int_eq(disk_flush(disk, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "broken"));
	disk_close(disk);
}

static void send_failure(uint32_t code, const char *text, size_t length)
{
	struct remote_header header = {REMOTE_FAILURE, code, 0, length};
	struct bs_error err;

	ck_assert_int_eq(remote_send(parent_end, &header, text, length, PATIENCE, &err), 0);
}

TEST(remote, a_failure_with_a_code_or_length_that_cannot_be_is_an_error)
{
	static const char text[480];

	send_failure(BS_OK, "no", 2);
	assert_read_fails(BS_WORKER, "invalid");
	ck_assert_int_eq(recv(worker_end, &(char[2]){0}, 2, 0), 2);
	send_failure(BS_CODE_COUNT, "no", 2);
	assert_read_fails(BS_WORKER, "invalid");
	ck_assert_int_eq(recv(worker_end, &(char[2]){0}, 2, 0), 2);
	send_failure(BS_IO, text, sizeof(text));
	assert_read_fails(BS_WORKER, "invalid");
}

TEST(remote, the_text_of_a_failure_cannot_steer_a_terminal)
{
	send_failure(BS_IO, "bad \x1b[2J%n\nsector", 17);
	assert_read_fails(BS_IO, "bad ?[2J%n?sector");
}
