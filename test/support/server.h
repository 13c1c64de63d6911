/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NBD servers for tests: nbdkit or qemu-nbd, each on its own socket.  A server ends with the test,
 * even if the test crashes.
 */
#ifndef BOOTSHIFT_TEST_SERVER_H
#define BOOTSHIFT_TEST_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct server {
	pid_t process;
	char socket[96], uri[128];
};

/*
 * Starts a server on folder/nbd.sock and waits until it listens.  The first argument is the
 * program, and NULL is the last.  The function adds the option that names the socket after the
 * program.
 */
void server_start(struct server *server, const char *folder, const char *const *arguments);

/* Kills the server, if it still runs, and removes its socket. */
void server_stop(struct server *server);

#define SERVER_START(server, folder, ...)                                                          \
	server_start(server, folder, (const char *const[]){__VA_ARGS__, NULL})

#endif
