/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel between worker and parent.  The worker is a child process: a good one, or one that
 * dies, lies or sends nothing.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/guard.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"
#include "worker/remote-wire.h"
#include "worker/remote.h"

#define SIZE     (3u * REMOTE_READ_MAX + 1000)
#define LIMIT    4096u
#define PATIENCE 60000 /* milliseconds: enough for a busy machine */

static struct memory_disk *memory;
static struct remote_end worker_end, parent_end;

static void setup(void)
{
	struct bs_error err;

	memory = memory_disk_open(SIZE);
	ck_assert_int_eq(remote_make_channel(&parent_end, &worker_end, &err), 0);
}

static void teardown(void)
{
	remote_close_end(&parent_end);
	disk_close(&memory->disk);
}

/*
 * Runs `work` in the process of a worker, with its end of the channel.  If `work` returns true, the
 * process exits with success.  `work` must not use ck_assert: the messages would go to the test's
 * pipe.
 */
static pid_t start_worker(bool (*work)(struct remote_end end))
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(parent_end.socket);
		_exit(work(worker_end) ? 0 : 1);
	}
	close(worker_end.socket);
	return child;
}

static void assert_worker_was_content(pid_t child)
{
	int status;

	ck_assert_int_eq(shutdown(parent_end.socket, SHUT_RDWR), 0);
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

/* Serves with a short time limit.  Serving must end in an error with this text. */
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
		0x07, 0x00, 0x00, 0x00,                         /*  4 kind: message */
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
	} changes[] = {{0, 'B'}, {4, 0}, {4, 8}, {7, 1}, {12, 1}, {15, 1}};
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

/* Adds 1 to every byte of the disk, in one read and one write. */
static bool increment_everything(struct remote_end end)
{
	uint8_t *bytes = malloc(SIZE);
	struct bs_error err;
	struct disk *disk = remote_open(end, SIZE, &err);

	if (!bytes || !disk || disk_read(disk, 0, bytes, SIZE, &err) != 0)
		return false;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i]++;
	if (disk_write(disk, 0, bytes, SIZE, &err) != 0 || disk_flush(disk, &err) != 0)
		return false;
	free(bytes);
	disk_close(disk);
	return say(end.socket, 7, "done");
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
	ck_assert_uint_eq(memory->writes, SIZE / REMOTE_WRITE_MAX + 1);
	ck_assert_uint_eq(memory->flushes, 1);
	assert_worker_was_content(child);
	free(expected);
}

static bool talk(struct remote_end end)
{
	struct remote_message message;
	struct bs_error err;
	struct disk *disk = remote_open(end, SIZE, &err);
	uint8_t byte;
	bool good;

	if (!say(end.socket, 1, "hello") ||
	    remote_receive_message(end.socket, LIMIT, REMOTE_FOREVER, &message, &err) != 0)
		return false;
	good = message.type == 2 && strcmp((char *)message.payload, "go on") == 0;
	free(message.payload);
	return good && disk_read(disk, 0, &byte, 1, &err) == 0 && say(end.socket, 3, "");
}

TEST(remote, messages_go_both_ways_between_requests)
{
	struct bs_error err;
	pid_t child = start_worker(talk);

	assert_serves_until_message(&memory->disk, 1, "hello");
	ck_assert_int_eq(remote_send_message(parent_end.socket, 2, "go on", 5, PATIENCE, &err), 0);
	assert_serves_until_message(&memory->disk, 3, "");
	assert_worker_was_content(child);
}

/* The guard stops the second of three writes, and the worker learns that when it sends them. */
static bool write_where_it_may_not(struct remote_end end)
{
	struct bs_error err = {0};
	struct disk *disk = remote_open(end, SIZE, &err);
	uint8_t byte = 1;

	if (disk_write(disk, 500, &byte, 1, &err) < 0 ||
	    disk_write(disk, 1000, &byte, 1, &err) < 0 || disk_write(disk, 501, &byte, 1, &err) < 0)
		return false;
	for (int i = 0; i < 4; i++) { /* and no later operation hides it */
		int result = i == 0   ? remote_send_writes(disk, &err)
			     : i == 1 ? disk_read(disk, 0, &byte, 1, &err)
			     : i == 2 ? disk_write(disk, 500, &byte, 1, &err)
				      : disk_flush(disk, &err);

		if (result == 0 || err.code != BS_GUARD || !strstr(err.message, "at 1000"))
			return false;
	}
	return say(end.socket, 1, err.message);
}

TEST(remote, an_error_of_the_disk_reaches_the_worker_with_its_code_and_text)
{
	const struct guard_range allowed = {500, 2, GUARD_ANY_BYTES};
	struct bs_error err;
	struct guard *guard = guard_open(&memory->disk, &err);
	struct remote_message message;
	pid_t child = start_worker(write_where_it_may_not);

	ck_assert_int_eq(guard_allow(guard, &allowed, 1, &err), 0);
	ck_assert_int_eq(
		remote_serve(parent_end, guard_disk(guard), LIMIT, PATIENCE, NULL, &message, &err),
		0);
	free(message.payload);
	ck_assert_uint_eq(memory->writes, 1); /* the first */
	assert_worker_was_content(child);
	disk_close(guard_disk(guard));
}

static bool read_what_it_wrote(struct remote_end end)
{
	struct bs_error err;
	struct disk *disk = remote_open(end, SIZE, &err);
	uint8_t bytes[4];

	return disk_write(disk, 1000, "abcd", 4, &err) == 0 &&
	       disk_read(disk, 100, bytes, 4, &err) == 0 && /* elsewhere: may come first */
	       disk_write(disk, 1002, "xy", 2, &err) == 0 &&
	       disk_read(disk, 1003, bytes, 1, &err) == 0 && bytes[0] == 'y' &&
	       say(end.socket, 1, "");
}

TEST(remote, a_worker_reads_what_it_has_written)
{
	pid_t child = start_worker(read_what_it_wrote);

	assert_serves_until_message(&memory->disk, 1, "");
	ck_assert_mem_eq(memory->bytes + 1000, "abxy", 4);
	ck_assert_uint_eq(memory->writes, 2);
	assert_worker_was_content(child);
}

/*
 * A write that does not fit into the list any more is sent in two lists.  Its end, which waits in the
 * second list, is read as it was written.
 */
static bool read_the_end_of_a_long_write(struct remote_end end)
{
	struct bs_error err;
	struct disk *disk = remote_open(end, SIZE, &err);
	uint8_t *bytes = calloc(1, REMOTE_WRITES_MAX), byte = 1;

	return bytes && disk && disk_write(disk, 1000, bytes, REMOTE_WRITES_MAX, &err) == 0 &&
	       disk_read(disk, 1000 + REMOTE_WRITES_MAX - 1, &byte, 1, &err) == 0 && byte == 0 &&
	       say(end.socket, 1, "");
}

TEST(remote, a_worker_reads_the_end_of_a_write_that_was_sent_in_parts)
{
	pid_t child = start_worker(read_the_end_of_a_long_write);

	memory->bytes[1000 + REMOTE_WRITES_MAX - 1] = 7;
	assert_serves_until_message(&memory->disk, 1, "");
	ck_assert_uint_eq(memory->bytes[1000 + REMOTE_WRITES_MAX - 1], 0);
	assert_worker_was_content(child);
}

/* Reads by itself, but not what it has written: the disk in this process does not have that. */
static bool read_by_itself(struct remote_end end)
{
	struct bs_error err;
	uint8_t *bytes = malloc(SIZE);
	struct disk *disk;

	end.local = &memory->disk;
	disk = remote_open(end, SIZE, &err);
	if (!bytes || !disk || disk_read(disk, 0, bytes, SIZE, &err) != 0 ||
	    memcmp(bytes, memory->bytes, SIZE) != 0)
		return false;
	for (uint64_t at = 0; at < 300; at++) { /* often enough for the list to be merged */
		uint8_t byte = (uint8_t)(memory->bytes[at * 100] + 1);

		if (disk_write(disk, at * 100, &byte, 1, &err) != 0)
			return false;
	}
	for (uint64_t at = 0; at < 300; at++)
		if (disk_read(disk, at * 100, bytes, 2, &err) != 0 ||
		    bytes[0] != (uint8_t)(memory->bytes[at * 100] + 1) ||
		    bytes[1] != memory->bytes[at * 100 + 1])
			return false;
	return disk_read(disk, 10, bytes, 80, &err) == 0 && /* between two writes */
	       disk_read(disk, SIZE - 9, bytes, 9, &err) == 0 && say(end.socket, 1, "");
}

static void ignore_alarm(int number)
{
	(void)number;
}

#define LARGE (4u << 20) /* more than a socket holds */

static bool take_late(struct remote_end end)
{
	static uint8_t bytes[65536];
	size_t left = REMOTE_HEADER_SIZE + LARGE;

	usleep(300000);
	while (left > 0) {
		ssize_t taken = read(end.socket, bytes, min_u64(left, sizeof(bytes)));

		if (taken <= 0)
			return false;
		left -= (size_t)taken;
	}
	return true;
}

/* The handler of the signal does not restart calls. */
TEST(remote, signals_do_not_end_the_wait_for_a_worker_that_is_busy)
{
	const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
	const struct remote_header header = {.kind = REMOTE_ANSWER, .length = LARGE};
	const struct sigaction action = {.sa_handler = ignore_alarm};
	pid_t child = start_worker(take_late);
	uint8_t *bytes = calloc(1, LARGE);
	struct bs_error err = {0};

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_msg(remote_send(parent_end.socket, &header, bytes, LARGE, PATIENCE, &err) == 0,
		      "%s", err.message);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_worker_was_content(child);
	free(bytes);
}

static uint64_t charged_reads;

static int count_reads(void *context, enum remote_use use, uint64_t length, uint64_t waited,
		       struct bs_error *err)
{
	(void)context;
	(void)waited;
	(void)err;
	if (use == REMOTE_USE_READ)
		charged_reads += length;
	return 0;
}

TEST(remote, a_worker_reads_by_itself_what_it_has_not_written)
{
	const struct remote_meter meter = {count_reads, NULL};
	struct remote_message message;
	struct bs_error err = {0};
	pid_t child = start_worker(read_by_itself);

	charged_reads = 0;
	ck_assert_msg(remote_serve(parent_end, &memory->disk, LIMIT, PATIENCE, &meter, &message,
				   &err) == 0,
		      "%s", err.message);
	free(message.payload);
	assert_worker_was_content(child);
	ck_assert_uint_eq(memory->reads, 300); /* those of written bytes */
	ck_assert_uint_eq(memory->writes, 300);
	ck_assert_uint_eq(charged_reads, SIZE + 300 * 2); /* the first account, and the parent's */
}

static bool read_much_by_itself(struct remote_end end)
{
	struct bs_error err;
	uint8_t *bytes = malloc(SIZE);
	struct disk *disk;

	end.local = &memory->disk;
	disk = remote_open(end, SIZE, &err);
	for (unsigned i = 0; i < 100; i++)
		if (!bytes || !disk || disk_read(disk, 0, bytes, SIZE, &err) != 0)
			return false;
	return say(end.socket, 1, "");
}

TEST(remote, a_worker_tells_how_much_it_reads_by_itself)
{
	const struct remote_meter meter = {count_reads, NULL};
	struct remote_message message;
	struct bs_error err = {0};
	pid_t child = start_worker(read_much_by_itself);

	charged_reads = 0;
	ck_assert_int_eq(
		remote_serve(parent_end, &memory->disk, LIMIT, PATIENCE, &meter, &message, &err),
		0);
	free(message.payload);
	assert_worker_was_content(child);
	ck_assert_uint_eq(memory->reads, 0);
	ck_assert_uint_le(charged_reads, 100ull * SIZE);
	ck_assert_uint_gt(charged_reads + REMOTE_ACCOUNT_MAX, 100ull * SIZE);
}

#define BAD 70000 /* the offset of a byte that cannot be read */

/* The list of writes lies where the parent puts the bytes, so it must be gone before. */
static bool read_a_bad_byte_by_itself(struct remote_end end)
{
	struct bs_error err = {.code = BS_OK};
	uint8_t bytes[600];
	struct disk *disk;

	memory->bad = BAD; /* in this process only */
	end.local = &memory->disk;
	disk = remote_open(end, SIZE, &err);
	return disk && disk_write(disk, 5, "abcd", 4, &err) == 0 &&
	       disk_read(disk, BAD - 10, bytes, sizeof(bytes), &err) == 0 &&
	       memcmp(bytes, memory->bytes + BAD - 10, sizeof(bytes)) == 0 && err.code == BS_OK &&
	       say(end.socket, 1, "");
}

TEST(remote, what_a_worker_cannot_read_by_itself_is_read_by_the_parent)
{
	pid_t child = start_worker(read_a_bad_byte_by_itself);

	assert_serves_until_message(&memory->disk, 1, "");
	ck_assert_uint_eq(memory->reads, 1);
	ck_assert_mem_eq(memory->bytes + 5, "abcd", 4);
	assert_worker_was_content(child);
}

static bool read_and_write_beyond_the_end(struct remote_end end)
{
	struct bs_error err;
	struct disk *disk = remote_open(end, UINT64_MAX, &err); /* a lie */
	uint8_t bytes[10] = {0};

	return disk_read(disk, SIZE - 9, bytes, 10, &err) == -1 && err.code == BS_OUT_OF_RANGE &&
	       disk_write(disk, UINT64_MAX - 10, bytes, 10, &err) == 0 &&
	       remote_send_writes(disk, &err) == -1 && err.code == BS_OUT_OF_RANGE &&
	       say(end.socket, 1, "");
}

TEST(remote, a_request_beyond_the_end_is_refused_by_the_disk)
{
	pid_t child = start_worker(read_and_write_beyond_the_end);

	assert_serves_until_message(&memory->disk, 1, "");
	ck_assert_uint_eq(memory->reads + memory->writes, 0);
	assert_worker_was_content(child);
}

/* ---- bad workers -------------------------------------------------------------------------- */

static bool die_at_once(struct remote_end end)
{
	(void)end;
	return true;
}

static bool die_in_a_message(struct remote_end end)
{
	return send_header(end.socket, REMOTE_MESSAGE, 0, 100) && write(end.socket, "half", 4) == 4;
}

static bool be_killed(struct remote_end end)
{
	(void)end;
	raise(SIGKILL);
	return true;
}

TEST_LOOP(remote, a_worker_that_dies_is_an_error, 0, 3)
{
	static bool (*const deaths[])(struct remote_end) = {die_at_once, die_in_a_message,
							    be_killed};
	pid_t child = start_worker(deaths[_i]);

	assert_serving_fails(BS_WORKER, "ended");
	ck_assert_uint_eq(memory->writes, 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* Stays alive until the parent closes its end. */
static bool wait_for_the_end(struct remote_end end)
{
	uint8_t byte;

	while (read(end.socket, &byte, 1) > 0)
		continue;
	return true;
}

static bool send_garbage(struct remote_end end)
{
	static const uint8_t garbage[1000] = "GET / HTTP/1.1";

	return write(end.socket, garbage, sizeof(garbage)) > 0 && wait_for_the_end(end);
}

static bool send_oversized_read(struct remote_end end)
{
	return send_header(end.socket, REMOTE_READ, 0, REMOTE_READ_MAX + 1) &&
	       wait_for_the_end(end);
}

static bool send_oversized_write(struct remote_end end)
{
	return send_header(end.socket, REMOTE_WRITES, 0, UINT64_MAX) && wait_for_the_end(end);
}

/* Sends a list of one write of `size` bytes that says it is `length` bytes long. */
static bool send_list(struct remote_end end, uint64_t size, uint64_t length)
{
	store_le64(end.window + REMOTE_READ_MAX, 0);
	store_le64(end.window + REMOTE_READ_MAX + 8, size);
	return send_header(end.socket, REMOTE_WRITES, REMOTE_READ_MAX, length) &&
	       wait_for_the_end(end);
}

static bool send_half_a_write(struct remote_end end)
{
	return send_list(end, 513, REMOTE_WRITE_HEAD + 512);
}

static bool send_an_endless_write(struct remote_end end)
{
	return send_list(end, UINT64_MAX, REMOTE_WRITES_MAX);
}

static bool send_half_a_write_head(struct remote_end end)
{
	return send_list(end, 512, REMOTE_WRITE_HEAD + 512 + REMOTE_WRITE_HEAD - 1);
}

static bool send_a_list_elsewhere(struct remote_end end)
{
	return send_header(end.socket, REMOTE_WRITES, REMOTE_WINDOW_SIZE - 15, 16) &&
	       wait_for_the_end(end);
}

static bool send_oversized_message(struct remote_end end)
{
	return send_header(end.socket, REMOTE_MESSAGE, 0, LIMIT + 1) && wait_for_the_end(end);
}

static bool send_answer(struct remote_end end)
{
	return send_header(end.socket, REMOTE_ANSWER, 0, 0) && wait_for_the_end(end);
}

static bool send_half_a_header(struct remote_end end)
{
	return write(end.socket, "bBSR\1\0\0\0", 8) == 8 && wait_for_the_end(end);
}

static bool send_half_a_message(struct remote_end end)
{
	return send_header(end.socket, REMOTE_MESSAGE, 0, 100) &&
	       write(end.socket, "half", 4) == 4 && wait_for_the_end(end);
}

/* Sends a byte now and then: the worker is never silent for long, and never finishes. */
static bool trickle(struct remote_end end)
{
	for (int i = 0; i < 1000; i++) {
		if (send(end.socket, "b", 1, MSG_NOSIGNAL) != 1)
			return true;
		usleep(50000);
	}
	return false;
}

/* Requests more than the socket holds, and reads no answer.  The parent must not wait for ever. */
static bool never_read(struct remote_end end)
{
	for (int i = 0; i < 8; i++)
		if (!send_header(end.socket, REMOTE_READ, 0, REMOTE_READ_MAX))
			return false;
	return poll(&(struct pollfd){.fd = end.socket}, 1, -1) ==
	       1; /* until the other end is closed */
}

static const struct {
	bool (*work)(struct remote_end end);
	enum bs_code code;
	const char *text;
} bad_workers[] = {
	{send_garbage, BS_WORKER, "no request"},
	{send_oversized_read, BS_WORKER, "too many bytes"},
	{send_oversized_write, BS_WORKER, "too many bytes"},
	{send_half_a_write, BS_WORKER, "half a write"},
	{send_an_endless_write, BS_WORKER, "too many bytes"},
	{send_half_a_write_head, BS_WORKER, "half a write"},
	{send_a_list_elsewhere, BS_WORKER, "too many bytes"},
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
	ck_assert_int_eq(remote_send_message(parent_end.socket, 1, "hello", 5, PATIENCE, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	shutdown(parent_end.socket, SHUT_RDWR);
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
	shutdown(parent_end.socket, SHUT_RDWR);
	assert_read_fails(BS_WORKER, "cannot send");
}

TEST(remote, a_parent_that_goes_in_an_answer_is_an_error)
{
	const struct remote_header header = {REMOTE_FAILURE, BS_IO, 0, 100};
	struct bs_error err;

	ck_assert_int_eq(remote_send(parent_end.socket, &header, "half", 4, PATIENCE, &err), 0);
	ck_assert_int_eq(shutdown(parent_end.socket, SHUT_WR), 0);
	assert_read_fails(BS_WORKER, "ended");
}

TEST(remote, an_answer_of_another_length_breaks_the_disk_for_good)
{
	struct bs_error err;
	struct disk *disk = remote_open(worker_end, SIZE, &err);
	uint8_t bytes[100];

	ck_assert(send_header(parent_end.socket, REMOTE_ANSWER, 0, 99));
	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	ck_assert(send_header(parent_end.socket, REMOTE_ANSWER, 0, 0));
	ck_assert_int_eq(disk_flush(disk, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "broken"));
	disk_close(disk);
}

static void send_failure(uint32_t code, const char *text, size_t length)
{
	struct remote_header header = {REMOTE_FAILURE, code, 0, length};
	struct bs_error err;

	ck_assert_int_eq(remote_send(parent_end.socket, &header, text, length, PATIENCE, &err), 0);
}

TEST(remote, a_failure_with_a_code_or_length_that_cannot_be_is_an_error)
{
	static const char text[480];

	send_failure(BS_OK, "no", 2);
	assert_read_fails(BS_WORKER, "invalid");
	ck_assert_int_eq(recv(worker_end.socket, &(char[2]){0}, 2, 0), 2);
	send_failure(BS_CODE_COUNT, "no", 2);
	assert_read_fails(BS_WORKER, "invalid");
	ck_assert_int_eq(recv(worker_end.socket, &(char[2]){0}, 2, 0), 2);
	send_failure(BS_IO, text, sizeof(text));
	assert_read_fails(BS_WORKER, "invalid");
}

TEST(remote, the_text_of_a_failure_cannot_steer_a_terminal)
{
	send_failure(BS_IO, "bad \x1b[2J%n\nsector", 17);
	assert_read_fails(BS_IO, "bad ?[2J%n?sector");
}

TEST(remote, a_channel_without_memory_for_its_window_is_lack_of_memory)
{
	struct remote_end parent, worker;
	struct bs_error err = {BS_OK, ""};
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
	(void)!remote_make_channel(&parent, &worker, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	ck_assert_int_eq(err.code, BS_NO_MEMORY);
}
