/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/machine-monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "util/clock.h"
#include "util/debug.h"

#define PATIENCE 60000 /* milliseconds until an answer; QEMU answers in a few, on an idle host */

/* ---- lines --------------------------------------------------------------------------------- */

static bool monitor_starts_with(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

static enum monitor_event monitor_read_event(const char *line)
{
	if (strstr(line, "\"event\": \"SHUTDOWN\""))
		return strstr(line, "\"guest-reset\"") ? MONITOR_RESTARTED : MONITOR_STOPPED;
	return strstr(line, "\"event\": \"GUEST_PANICKED\"") ? MONITOR_STOPPED : MONITOR_NOTHING;
}

static void monitor_take_line(struct monitor *monitor)
{
	const char *line = monitor->line;
	enum monitor_event event;

	debug_print(DEBUG_MESSAGES, "QEMU says: %s", line);
	if (monitor_starts_with(line, "{\"return\"") || monitor_starts_with(line, "{\"error\"") ||
	    monitor_starts_with(line, "{\"QMP\"")) {
		memcpy(monitor->answer, line, sizeof(monitor->answer));
		if (monitor->pending > 0)
			monitor->pending--;
		return;
	}
	event = monitor_read_event(line);
	if (event != MONITOR_NOTHING && monitor->event != MONITOR_ENDED)
		monitor->event = event;
}

/* Adds bytes to the line.  What does not fit is lost. */
static void monitor_take_bytes(struct monitor *monitor, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			monitor->line[monitor->length] = '\0';
			monitor_take_line(monitor);
			monitor->length = 0;
		} else if (monitor->length < sizeof(monitor->line) - 1 && bytes[i] != '\r') {
			monitor->line[monitor->length++] = bytes[i];
		}
	}
}

void monitor_listen(struct monitor *monitor)
{
	char bytes[4096];
	ssize_t received = recv(monitor->socket, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (received > 0)
		monitor_take_bytes(monitor, bytes, (size_t)received);
	else if (received == 0 || (errno != EAGAIN && errno != EINTR))
		monitor->event = MONITOR_ENDED;
}

/* ---- commands ------------------------------------------------------------------------------ */

void monitor_send(struct monitor *monitor, const char *command)
{
	char end = '\n';
	struct iovec parts[] = {{(void *)(uintptr_t)command, strlen(command)}, {&end, 1}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t length = (ssize_t)strlen(command) + 1;

	debug_print(DEBUG_MESSAGES, "to QEMU: %s", command);
	monitor->pending++;
	if (sendmsg(monitor->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != length)
		monitor->event = MONITOR_ENDED;
}

/* Waits until all commands are answered. */
static int monitor_wait(struct monitor *monitor, struct bs_error *err)
{
	const struct deadline deadline = deadline_after(PATIENCE);
	struct pollfd waiting = {.fd = monitor->socket, .events = POLLIN};

	while (monitor->pending > 0) { /* ends: the deadline passes, or QEMU ends */
		if (monitor->event == MONITOR_ENDED)
			return fail(err, BS_MACHINE_UNUSABLE, "QEMU has ended");
		if (deadline_has_passed(deadline))
			return fail(err, BS_TIMEOUT, "QEMU has not answered within %d seconds",
				    PATIENCE / 1000);
		if (poll(&waiting, 1, deadline_poll_timeout(deadline)) > 0)
			monitor_listen(monitor);
	}
	if (monitor_starts_with(monitor->answer, "{\"error\""))
		return fail(err, BS_MACHINE_UNUSABLE, "QEMU refuses a command: %.200s",
			    monitor->answer);
	return 0;
}

int monitor_ask(struct monitor *monitor, const char *command, struct bs_error *err)
{
	monitor_send(monitor, command);
	return monitor_wait(monitor, err);
}

int monitor_begin(struct monitor *monitor, int socket, struct bs_error *err)
{
	*monitor = (struct monitor){.socket = socket, .pending = 1}; /* the greeting */
	if (monitor_wait(monitor, err) < 0)
		return -1;
	return monitor_ask(monitor, "{\"execute\": \"qmp_capabilities\"}", err);
}
