/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests the NBD disk with nbdkit, which can be told to behave badly in many ways.  nbdkit serves
 * one connection on its standard input and output, so no process listens anywhere.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "disk/nbd.h"
#include "support/images.h"
#include "support/program.h"

#define PATIENCE 60000 /* milliseconds; longer than any pause of a busy machine */
#define SIZE     (1u << 20)

static pid_t server;
static struct disk *disk;
static struct bs_error err;

static void setup(void)
{
	server = 0;
	disk = NULL;
}

static void teardown(void)
{
	disk_close(disk);
	if (server > 0) {
		kill(server, SIGKILL);
		ck_assert_int_eq(waitpid(server, NULL, 0), server);
	}
}

/* Starts nbdkit with these arguments.  Returns the client's end of the connection. */
static int serve(const char *const *arguments)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		int nothing = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		dup2(nothing, STDERR_FILENO);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	close(ends[1]);
	return ends[0];
}

#define NBDKIT(...) serve((const char *const[]){"nbdkit", "-s", __VA_ARGS__, NULL})

static void open_disk(int connection, bool writable, int patience)
{
	disk = nbd_open_socket(connection, "the server", writable, patience, &err);
	ck_assert_msg(disk != NULL, "%s", err.message);
}

static void assert_refused(int connection, bool writable, enum bs_code code, const char *part)
{
	disk = nbd_open_socket(connection, "the server", writable, PATIENCE, &err);
	ck_assert_ptr_null(disk);
	ck_assert_int_eq(err.code, code);
	ASSERT_HAS(err.message, part);
}

static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)rand_r(&seed);
}

/* Compares random writes and reads with an array. */
static void assert_is_a_disk(void)
{
	uint8_t *model = calloc(1, SIZE), *found = malloc(SIZE);
	unsigned seed = 7;

	ck_assert_uint_eq(disk_size(disk), SIZE);
	ck_assert_int_eq(disk_write(disk, 0, model, SIZE, &err), 0);
	for (int i = 0; i < 100; i++) {
		size_t offset = (size_t)rand_r(&seed) % SIZE;
		size_t length = (size_t)rand_r(&seed) % (i % 2 ? 700 : SIZE - offset);

		length = length < SIZE - offset ? length : SIZE - offset;
		fill(model + offset, length, seed);
		ck_assert_int_eq(disk_write(disk, offset, model + offset, length, &err), 0);
		offset = (size_t)rand_r(&seed) % SIZE;
		length = (size_t)rand_r(&seed) % (SIZE - offset);
		ck_assert_int_eq(disk_read(disk, offset, found, length, &err), 0);
		ck_assert_mem_eq(found, model + offset, length);
	}
	ck_assert_int_eq(disk_flush(disk, &err), 0);
	ck_assert_int_eq(disk_read(disk, 0, found, SIZE, &err), 0);
	ck_assert_mem_eq(found, model, SIZE);
	free(model);
	free(found);
}

TEST_CASE(nbd, "nbd", .setup = setup, .teardown = teardown);

TEST(nbd, reads_what_was_written)
{
	open_disk(NBDKIT("memory", "1M"), true, PATIENCE);
	assert_is_a_disk();
	ck_assert_int_eq(nbd_disconnect(disk, &err), 0);
	ck_assert(!nbd_is_connected(disk));
}

TEST(nbd, requests_keep_to_the_block_sizes_of_the_server)
{
	open_disk(NBDKIT("--filter=blocksize-policy", "memory", "1M", "blocksize-minimum=4096",
			 "blocksize-preferred=4096", "blocksize-maximum=65536",
			 "blocksize-error-policy=error"),
		  true, PATIENCE);
	assert_is_a_disk();
}

TEST(nbd, an_odd_end_that_cannot_be_read_is_no_part_of_the_disk)
{
	open_disk(NBDKIT("--filter=blocksize-policy", "memory", "1000000", "blocksize-minimum=4096",
			 "blocksize-preferred=4096", "blocksize-maximum=65536"),
		  true, PATIENCE);
	ck_assert_uint_eq(disk_size(disk), 1000000 / 4096 * 4096);
}

TEST(nbd, a_read_only_export_can_be_read_and_not_opened_for_writing)
{
	uint8_t byte = 1;

	open_disk(NBDKIT("-r", "memory", "1M"), false, PATIENCE);
	ck_assert_int_eq(disk_read(disk, 0, &byte, 1, &err), 0);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_eq(disk_write(disk, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_READ_ONLY);
	ck_assert_int_eq(disk_flush(disk, &err), 0);
	disk_close(disk);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	assert_refused(NBDKIT("-r", "memory", "1M"), true, BS_READ_ONLY, "nobody");
}

TEST(nbd, an_export_without_flush_is_not_opened_for_writing)
{
	assert_refused(NBDKIT("eval", "get_size=echo 1M", "pread=exit 1", "pwrite=cat >/dev/null"),
		       true, BS_SERVER_UNSUITABLE, "cannot flush");
}

TEST(nbd, an_error_of_the_server_leaves_the_connection_in_order)
{
	uint8_t bytes[512];

	open_disk(NBDKIT("--filter=error", "memory", "1M", "error-pread=EIO",
			 "error-pread-rate=100%", "error-pwrite=ENOSPC", "error-pwrite-rate=100%"),
		  true, PATIENCE);
	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert_str_eq(err.message, "the server cannot read: Input/output error");
	memset(bytes, 1, sizeof(bytes));
	ck_assert_int_eq(disk_write(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_NO_SPACE);
	ck_assert(nbd_is_connected(disk));
	ck_assert_int_eq(disk_flush(disk, &err), 0);
}

TEST(nbd, a_server_that_never_speaks_is_given_up)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_ptr_null(nbd_open_socket(ends[0], "the server", true, 500, &err));
	ck_assert_int_eq(err.code, BS_NO_CONNECTION);
	ASSERT_HAS(err.message, "silent for 500 milliseconds");
	close(ends[1]);
}

TEST(nbd, a_server_that_falls_silent_is_given_up_for_good)
{
	static uint8_t bytes[65536];

	open_disk(NBDKIT("memory", "1M"), true, 500);
	kill(server, SIGSTOP);
	waitpid(server, NULL, WUNTRACED); /* wait until all its threads have stopped */
	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ASSERT_HAS(err.message, "silent");
	/* The late answer is ignored. */
	kill(server, SIGCONT);
	memset(bytes, 0x77, sizeof(bytes));
	ck_assert_int_eq(disk_read(disk, 0, bytes, sizeof(bytes), &err), -1);
	ck_assert_int_eq(disk_flush(disk, &err), -1);
	ck_assert_int_eq(nbd_disconnect(disk, &err), -1);
	ck_assert_uint_eq(bytes[0], 0x77);
}

TEST(nbd, a_server_that_ends_is_an_error_at_once)
{
	uint8_t byte = 0;

	open_disk(NBDKIT("memory", "1M"), true, PATIENCE);
	kill(server, SIGKILL);
	ck_assert_int_eq(disk_write(disk, 0, &byte, 1, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	ck_assert(!nbd_is_connected(disk));
}

TEST(nbd, something_else_than_a_server_is_refused)
{
	int connection = serve((const char *const[]){"echo", "HTTP/1.1 400 Bad Request", NULL});

	assert_refused(connection, false, BS_NO_CONNECTION, "cannot connect to the server: ");
	ASSERT_HAS_NOT(err.message, "nbd_");
	ASSERT_HAS_NOT(err.message, "handshake");
}

/* Starts nbdkit on a socket, with up to two more options. */
static void listen_on(const char *socket, const char *option, const char *other)
{
	const char *arguments[] = {"nbdkit", "-f",   "-U",  socket, "memory",
				   "1M",     option, other, NULL};

	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
}

/* A moment after its start, the server makes the socket; a moment later, it listens on it. */
static void open_address(const char *uri)
{
	disk = nbd_open_uri(uri, true, PATIENCE, &err);
	for (int i = 0; i < 2000 && disk == NULL; i++) {
		usleep(5000);
		disk = nbd_open_uri(uri, true, PATIENCE, &err);
	}
	ck_assert_msg(disk != NULL, "%s", err.message);
}

TEST(nbd, an_address_is_opened_or_refused)
{
	const char *folder = test_folder();
	const char *socket, *uri;

	socket = text("%s/socket", folder);
	uri = text("nbd+unix:///?socket=%s", socket);
	ck_assert_ptr_null(nbd_open_uri(uri, true, PATIENCE, &err));
	ck_assert_int_eq(err.code, BS_NO_CONNECTION);
	ck_assert_str_eq(err.message,
			 "cannot connect to the NBD server: No such file or directory");
	listen_on(socket, NULL, NULL);
	open_address(uri);
	assert_is_a_disk();
	unlink(socket);
	rmdir(folder);
	ck_assert_ptr_null(nbd_open_uri("http://example.org/", true, PATIENCE, &err));
	ck_assert_int_eq(err.code, BS_NO_CONNECTION);
	ASSERT_HAS_NOT(err.message, "nbd_");
}

/* The URI names the file with the key. */
TEST(nbd, a_server_that_asks_for_a_key_is_opened_with_it)
{
	static const char key[] =
		"alice:6b657920666f722074657374696e67206f6e6c792121212121212121\n";
	const char *folder = test_folder();
	const char *socket, *keys;
	FILE *file;

	socket = text("%s/socket", folder);
	keys = text("%s/keys.psk", folder);
	file = fopen(keys, "w");
	ck_assert_int_ge(fputs(key, file), 0);
	fclose(file);
	listen_on(socket, "--tls=require", text("--tls-psk=%s", keys));
	open_address(text("nbds+unix://alice@/?socket=%s&tls-psk-file=%s", socket, keys));
	assert_is_a_disk();
	unlink(keys);
	unlink(socket);
	rmdir(folder);
}
