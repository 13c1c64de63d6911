/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NBD servers for tests: nbdkit or qemu-nbd on a socket of its own.  A server ends with the test,
 * however that ended.
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
 * Starts a server on folder/nbd.sock and waits until it listens.  The argument list ends with NULL;
 * the first one is the program, and the option that names the socket is added behind it.
 */
void server_start(struct server *server, const char *folder, const char *const *arguments);

/* Kills it, if it has not ended already, and removes its socket. */
void server_stop(struct server *server);

#define SERVER_START(server, folder, ...)                                                          \
	server_start(server, folder, (const char *const[]){__VA_ARGS__, NULL})

#endif
