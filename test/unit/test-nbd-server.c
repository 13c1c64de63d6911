/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests the NBD server with clients of others: libnbd and qemu-img. */
#include <errno.h>
#include <libnbd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk/nbd-server.h"
#include "support/images.h"
#include "support/program.h"
#include "unit/memory-disk.h"
#include "util/bytes.h"

#define SIZE (1u << 20)

static struct memory_disk *memory;
static struct nbd_server *server;
static struct nbd_handle *client;
static const char *path; /* of the socket */
static struct bs_error err;
static uint64_t observed_offset;
static uint32_t observed_length;
static bool observed_write;

static void observe(void *context, uint64_t offset, uint32_t length, bool writes)
{
	ck_assert_ptr_eq(context, &memory);
	observed_offset = offset;
	observed_length = length;
	observed_write = writes;
}

static void setup(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path = text("%s/socket", test_folder());
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	memory = memory_disk_open(SIZE);
	server = nbd_server_start(&memory->disk, listener, observe, &memory, &err);
	ck_assert_ptr_nonnull(server);
	client = nbd_create();
	ck_assert_ptr_nonnull(client);
}

static void teardown(void)
{
	nbd_close(client);
	if (server)
		ck_assert_int_eq(nbd_server_stop(server, &err), 0);
	disk_close(&memory->disk);
}

static int connect_raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(connection, (struct sockaddr *)&address, sizeof(address)), 0);
	return connection;
}

TEST_CASE(nbd_server, "nbd server", .setup = setup, .teardown = teardown);

TEST(nbd_server, a_client_reads_the_disk_and_its_reads_are_observed)
{
	uint8_t bytes[1000];

	ck_assert_int_eq(nbd_connect_unix(client, path), 0);
	ck_assert_int_eq(nbd_get_size(client), SIZE);
	ck_assert_int_eq(nbd_pread(client, bytes, sizeof(bytes), 700, 0), 0);
	ck_assert_mem_eq(bytes, memory->bytes + 700, sizeof(bytes));
	ck_assert_uint_eq(observed_offset, 700);
	ck_assert_uint_eq(observed_length, sizeof(bytes));
	ck_assert(!observed_write);
}

TEST(nbd_server, a_socket_that_is_connected_already_is_served)
{
	struct nbd_server *other;
	uint8_t bytes[512];
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	other = nbd_server_start(&memory->disk, ends[0], NULL, NULL, &err);
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(nbd_connect_socket(client, ends[1]), 0);
	ck_assert_int_eq(nbd_pread(client, bytes, sizeof(bytes), 512, 0), 0);
	ck_assert_mem_eq(bytes, memory->bytes + 512, sizeof(bytes));
	ck_assert_int_eq(nbd_server_stop(other, &err), 0);
}

TEST(nbd_server, a_server_that_was_stopped_leaves_no_descriptor_behind)
{
	int before = open_descriptors();
	struct nbd_server *other;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	other = nbd_server_start(&memory->disk, ends[0], NULL, NULL, &err);
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(nbd_server_stop(other, &err), 0);
	close(ends[1]);
	ck_assert_int_eq(open_descriptors(), before);
}

TEST(nbd_server, the_export_cannot_be_written_to)
{
	ck_assert_int_eq(nbd_connect_unix(client, path), 0);
	ck_assert_int_eq(nbd_is_read_only(client), 1);
	/* libnbd would refuse to write: now it sends the request. */
	nbd_set_strict_mode(client, 0);
	ck_assert_int_eq(nbd_pwrite(client, "x", 1, 0, 0), -1);
	ck_assert_uint_eq(memory->writes, 0);
}

TEST(nbd_server, a_read_beyond_the_end_fails_and_the_connection_lives_on)
{
	uint8_t bytes[512];

	ck_assert_int_eq(nbd_connect_unix(client, path), 0);
	nbd_set_strict_mode(client, 0);
	ck_assert_int_eq(nbd_pread(client, bytes, sizeof(bytes), SIZE - 511, 0), -1);
	ck_assert_int_eq(nbd_get_errno(), EINVAL);
	ck_assert_int_eq(nbd_pread(client, bytes, sizeof(bytes), SIZE - 512, 0), 0);
	ck_assert_mem_eq(bytes, memory->bytes + SIZE - 512, sizeof(bytes));
}

TEST(nbd_server, an_error_of_the_disk_is_told_at_the_end)
{
	uint8_t bytes[512];

	memory->failure = BS_WORKER;
	ck_assert_int_eq(nbd_connect_unix(client, path), 0);
	ck_assert_int_eq(nbd_pread(client, bytes, sizeof(bytes), 0, 0), -1);
	ck_assert_int_eq(nbd_get_errno(), EIO);
	ck_assert_int_eq(nbd_server_stop(server, &err), -1);
	ck_assert_int_eq(err.code, BS_WORKER);
	server = NULL;
}

TEST(nbd_server, several_clients_read_at_the_same_time)
{
	struct nbd_handle *clients[9];
	uint8_t byte;

	for (size_t i = 0; i < 8; i++) {
		clients[i] = nbd_create();
		ck_assert_int_eq(nbd_connect_unix(clients[i], path), 0);
	}
	clients[8] = nbd_create();
	ck_assert_int_eq(nbd_connect_unix(clients[8], path), -1); /* one too many */
	for (size_t i = 0; i < 8; i++) {
		ck_assert_int_eq(nbd_pread(clients[i], &byte, 1, i, 0), 0);
		ck_assert_uint_eq(byte, memory->bytes[i]);
	}
	for (size_t i = 0; i < 9; i++)
		nbd_close(clients[i]);
}

TEST(nbd_server, qemu_copies_the_disk)
{
	const char *copy = text("%s/copy", test_folder());
	uint8_t bytes[SIZE];
	FILE *file;

	ASSERT_STATUS(RUN("qemu-img", "convert", "-f", "raw", "-O", "raw",
			  text("nbd:unix:%s", path), copy),
		      0);
	file = fopen(copy, "rb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(bytes, 1, SIZE, file), SIZE);
	fclose(file);
	ck_assert_mem_eq(bytes, memory->bytes, SIZE);
}

/* The form of the handshake for old clients, byte by byte. */
TEST(nbd_server, an_old_client_names_the_export_and_reads)
{
	static const uint8_t option[4 + 16] = {0,   0,   0, 0, 'I', 'H', 'A', 'V', 'E', 'O',
					       'P', 'T', 0, 0, 0,   1,   0,   0,   0,   0};
	static const uint8_t request[28] = {0x25, 0x60, 0x95, 0x13, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
					    7,    8,    0,    0,    0, 0, 0, 0, 2, 0, 0, 0, 0, 4};
	static const uint8_t answer[16] = {0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0,
					   1,    2,    3,    4,    5, 6, 7, 8};
	uint8_t greeting[18], export[134], reply[16 + 4];
	int connection = connect_raw();

	ck_assert_int_eq(recv(connection, greeting, sizeof(greeting), MSG_WAITALL), 18);
	ck_assert_mem_eq(greeting, "NBDMAGICIHAVEOPT\0\3", 18);
	ck_assert_int_eq(send(connection, option, sizeof(option), 0), sizeof(option));
	ck_assert_int_eq(recv(connection, export, sizeof(export), MSG_WAITALL), 134);
	ck_assert_uint_eq(load_be64(export), SIZE);
	ck_assert(all_zero(export + 10, 124));
	ck_assert_int_eq(send(connection, request, sizeof(request), 0), sizeof(request));
	ck_assert_int_eq(recv(connection, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
	ck_assert_mem_eq(reply, answer, sizeof(answer));
	ck_assert_mem_eq(reply + 16, memory->bytes + 512, 4);
	close(connection);
}

TEST(nbd_server, nonsense_ends_the_connection_and_no_other)
{
	uint8_t greeting[18], byte;
	int connection = connect_raw();

	ck_assert_int_eq(nbd_connect_unix(client, path), 0);
	ck_assert_int_eq(recv(connection, greeting, sizeof(greeting), MSG_WAITALL), 18);
	ck_assert_int_eq(send(connection, "abcdefghijklmnopqrstuvwxyz", 26, 0), 26);
	ck_assert_int_le(recv(connection, &byte, 1, MSG_WAITALL), 0);
	close(connection);
	ck_assert_int_eq(nbd_pread(client, &byte, 1, 0, 0), 0);
}

/* ---- an export that can be written to ------------------------------------------------------ */

static void setup_writable(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	memory = memory_disk_open(SIZE);
	server = nbd_server_start_writable(&memory->disk, ends[0], observe, &memory, &err);
	ck_assert_ptr_nonnull(server);
	client = nbd_create();
	ck_assert_int_eq(nbd_connect_socket(client, ends[1]), 0);
}

TEST_CASE(writable, "writable", .setup = setup_writable, .teardown = teardown);

TEST(writable, a_client_writes_and_its_writes_are_observed)
{
	ck_assert_int_eq(nbd_is_read_only(client), 0);
	ck_assert_int_eq(nbd_pwrite(client, "written", 7, 1000, 0), 0);
	ck_assert_mem_eq(memory->bytes + 1000, "written", 7);
	ck_assert_uint_eq(observed_offset, 1000);
	ck_assert_uint_eq(observed_length, 7);
	ck_assert(observed_write);
	ck_assert_int_eq(nbd_flush(client, 0), 0);
}

TEST(writable, a_write_beyond_the_end_fails_and_the_connection_lives_on)
{
	static const uint8_t bytes[512];

	nbd_set_strict_mode(client, 0);
	ck_assert_int_eq(nbd_pwrite(client, bytes, sizeof(bytes), SIZE - 511, 0), -1);
	ck_assert_int_eq(nbd_get_errno(), EINVAL);
	ck_assert_uint_eq(memory->writes, 0);
	ck_assert_int_eq(nbd_pwrite(client, "x", 1, SIZE - 1, 0), 0);
	ck_assert_uint_eq(memory->bytes[SIZE - 1], 'x');
}

TEST(writable, a_disk_without_room_is_an_error_for_the_client_only)
{
	memory->failure = BS_NO_SPACE;
	ck_assert_int_eq(nbd_pwrite(client, "x", 1, 0, 0), -1);
	ck_assert_int_eq(nbd_get_errno(), ENOSPC); /* teardown: stopping reports no error */
}

TEST(writable, any_other_error_of_a_write_is_told_at_the_end)
{
	memory->failure = BS_IO;
	ck_assert_int_eq(nbd_pwrite(client, "x", 1, 0, 0), -1);
	ck_assert_int_eq(nbd_get_errno(), EIO);
	ck_assert_int_eq(nbd_server_stop(server, &err), -1);
	ck_assert_int_eq(err.code, BS_IO);
	server = NULL;
}
