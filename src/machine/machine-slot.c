/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A slot is a socket with one of a few abstract names (unix(7)).  Only one socket can have a name,
 * and the kernel frees the name when the socket is closed.  So nothing has to be inherited, and
 * nothing is left behind.
 */
#include "machine/machine-slot.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/signals.h"

#define PAUSE 20000 /* microseconds between two tries */

static bool slot_bind(int socket, int number)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			      "bootshift-machine-%u-%d", geteuid(), number);

	return bind(socket, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0;
}

static bool slot_bind_any(int socket)
{
	for (int number = 0; number < get_nprocs(); number++)
		if (slot_bind(socket, number))
			return true;
	return false;
}

int machine_slot_take(unsigned patience, struct bs_error *err)
{
	const struct deadline deadline = deadline_after(patience);
	int slot = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (slot < 0)
		return fail_errno(err, BS_SYSTEM_LIMIT, "cannot make a socket");
	while (!slot_bind_any(slot) && !deadline_has_passed(deadline)) {
		if (signals_stop_pending()) {
			close(slot);
			return signals_fail_stopped(err);
		}
		usleep(PAUSE);
	}
	return slot;
}

void machine_slot_free(int slot)
{
	if (slot >= 0)
		close(slot);
}
