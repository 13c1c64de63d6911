/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NBD servers are children that end with the test and print nothing on its terminal. */
#include "support/server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

#define ARGUMENTS_MAX 32

static _Noreturn void become(const char *socket, const char *const *arguments)
{
	const char *all[ARGUMENTS_MAX] = {arguments[0]};
	int count = 1;

	if (strcmp(arguments[0], "nbdkit") == 0) {
		all[count++] = "--foreground";
		all[count++] = "--unix";
	} else {
		all[count++] = "--persistent";
		all[count++] = "--shared=4";
		all[count++] = "--socket";
	}
	all[count++] = socket;
	for (int i = 1; arguments[i] && count < ARGUMENTS_MAX - 1; i++)
		all[count++] = arguments[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	execvp(all[0], (char *const *)all);
	_exit(127);
}

static bool listens(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	connected = connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(descriptor);
	return connected;
}

void server_start(struct server *server, const char *folder, const char *const *arguments)
{
	snprintf(server->socket, sizeof(server->socket), "%s/nbd.sock", folder);
	snprintf(server->uri, sizeof(server->uri), "nbd+unix:///?socket=%s", server->socket);
	server->process = fork();
	ck_assert_int_ge(server->process, 0);
	if (server->process == 0)
		become(server->socket, arguments);
	while (!listens(server->socket)) { /* ends at the latest at the test's time limit */
		ck_assert_int_eq(waitpid(server->process, NULL, WNOHANG), 0);
		usleep(1000);
	}
}

void server_stop(struct server *server)
{
	kill(server->process, SIGKILL);
	ck_assert_int_eq(waitpid(server->process, NULL, 0), server->process);
	unlink(server->socket);
}
