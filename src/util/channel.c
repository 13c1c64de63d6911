/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util/channel.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union channel_control {
	char bytes[CMSG_SPACE(CHANNEL_DESCRIPTORS_MAX * sizeof(int))];
	struct cmsghdr alignment;
};

int channel_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

int channel_send(int channel, const void *bytes, size_t length, const int *descriptors,
		 size_t count)
{
	struct iovec part = {(void *)(uintptr_t)bytes, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union channel_control control = {0};
	struct cmsghdr *header;
	ssize_t sent;

	assert(count <= CHANNEL_DESCRIPTORS_MAX);
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
	}
	do
		sent = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)length ? 0 : -1;
}

/* Takes the descriptors that have come, and closes those that the caller does not want. */
static void channel_take(struct msghdr *message, int *descriptors, size_t count)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int came[CHANNEL_DESCRIPTORS_MAX];
	size_t some = 0;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		some = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(came, CMSG_DATA(header), some * sizeof(int));
	}
	for (size_t i = 0; i < count; i++)
		descriptors[i] = i < some ? came[i] : -1;
	for (size_t i = count; i < some; i++)
		close(came[i]);
}

/* poll(2) fails in a process that may have no open files (worker/confine.c). */
static int channel_wait(int channel, int milliseconds)
{
	struct pollfd waiting = {.fd = channel, .events = POLLIN};
	int ready;

	if (milliseconds < 0)
		return 0;
	do
		ready = poll(&waiting, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? 0 : -1;
}

ssize_t channel_receive(int channel, void *bytes, size_t size, int *descriptors, size_t count,
			int milliseconds)
{
	struct iovec part = {bytes, size};
	union channel_control control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t received;

	if (channel_wait(channel, milliseconds) < 0)
		return -1;
	do
		received = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return -1;
	channel_take(&message, descriptors, count);
	if ((message.msg_flags & MSG_TRUNC) == 0)
		return received;
	for (size_t i = 0; i < count; i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	errno = EMSGSIZE;
	return -1;
}
