/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an NBD server answers.  libnbd reads the bytes; disk/nbd.c acts on what it says. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk/nbd.h"
#include "fuzz/fuzz.h"
#include "util/bytes.h"

#define PATIENCE 1000 /* milliseconds */

/* The first byte says what is done with the export.  The rest is all that the server ever sends. */
void fuzz_nbd(const uint8_t *bytes, size_t size)
{
	struct bs_error err = {.code = BS_OK};
	uint8_t buffer[1024] = {0};
	struct disk *disk;
	bool writable;
	int sockets[2];

	if (size == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return;
	writable = bytes[0] & 1;
	FUZZ_CHECK(send(sockets[1], bytes + 1, size - 1, MSG_NOSIGNAL) == (ssize_t)(size - 1));
	FUZZ_CHECK(shutdown(sockets[1], SHUT_WR) == 0);
	disk = nbd_open_socket(sockets[0], "the server", writable, PATIENCE, &err);
	if (!disk) {
		FUZZ_CHECK(err.code != BS_OK && err.message[0] != '\0');
		goto out;
	}
	if (disk_read(disk, 512, buffer, sizeof(buffer), &err) == 0)
		FUZZ_CHECK(512 + sizeof(buffer) <= disk_size(disk));
	if (writable && disk_write(disk, 0, buffer, 512, &err) == 0)
		(void)!disk_flush(disk, &err);
	(void)nbd_is_connected(disk);
	if (bytes[0] & 2)
		(void)!nbd_disconnect(disk, &err);
	disk_close(disk);
out:
	close(sockets[1]);
}
