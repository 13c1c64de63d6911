/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/io.h"
#include "util/signals.h"

void process_identify(struct process_identity *identity, unsigned user, unsigned group)
{
	snprintf(identity->user_map, sizeof(identity->user_map), "%u %u 1\n", user, geteuid());
	snprintf(identity->group_map, sizeof(identity->group_map), "%u %u 1\n", group, getegid());
}

static int process_write_file(const char *path, const char *text)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);
	int result = descriptor < 0 ? -1 : io_write_all(descriptor, text, strlen(text));

	if (descriptor >= 0)
		close(descriptor);
	return result;
}

int process_take_identity(const struct process_identity *identity)
{
	if (process_write_file("/proc/self/setgroups", "deny") < 0 ||
	    process_write_file("/proc/self/uid_map", identity->user_map) < 0)
		return -1;
	return process_write_file("/proc/self/gid_map", identity->group_map);
}

int process_end_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() == parent)
		return 0;
	errno = ESRCH;
	return -1;
}

void process_leave_signals(void)
{
	signals_release_all();
	signals_reset(SIGPIPE);
	setsid();
}

bool process_wait(pid_t child, int milliseconds)
{
	struct pollfd waiting = {.fd = pidfd_open(child, 0), .events = POLLIN};
	int ready;

	if (waiting.fd < 0)
		return false;
	do
		ready = poll(&waiting, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	close(waiting.fd);
	return ready > 0;
}

int process_end(pid_t child, int milliseconds)
{
	int status = 0;

	if (!process_wait(child, milliseconds))
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
