/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "util/channel.h"

static int ends[2];

static void open_ends(void)
{
	ck_assert_int_eq(channel_open(ends), 0);
}

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

TEST_CASE(channel, "channel", .setup = open_ends, .teardown = close_ends);

TEST(channel, a_message_arrives_whole_and_apart_from_the_next)
{
	char bytes[8];

	ck_assert_int_eq(channel_send(ends[0], "first", 5, NULL, 0), 0);
	ck_assert_int_eq(channel_send(ends[0], "2nd", 3, NULL, 0), 0);
	ck_assert_int_eq(channel_receive(ends[1], bytes, sizeof(bytes), NULL, 0, 0), 5);
	ck_assert_mem_eq(bytes, "first", 5);
	ck_assert_int_eq(channel_receive(ends[1], bytes, sizeof(bytes), NULL, 0, 0), 3);
}

TEST(channel, descriptors_arrive_open_and_are_closed_on_exec)
{
	int pipe_ends[2], came[3];
	char byte;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	ck_assert_int_eq(channel_send(ends[0], "x", 1, pipe_ends, 2), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	ck_assert_int_eq(channel_receive(ends[1], &byte, 1, came, 3, 0), 1);
	ck_assert_int_eq(came[2], -1);
	ck_assert_int_eq(write(came[1], "y", 1), 1);
	ck_assert_int_eq(read(came[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	ck_assert(fcntl(came[0], F_GETFD) & FD_CLOEXEC);
	close(came[0]);
	close(came[1]);
}

/* The pipe's reader sees its end, because no writer is left open. */
TEST(channel, descriptors_that_nobody_wants_are_closed)
{
	int pipe_ends[2];
	char byte;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	ck_assert_int_eq(channel_send(ends[0], "x", 1, &pipe_ends[1], 1), 0);
	ck_assert_int_eq(channel_send(ends[0], "too long", 8, &pipe_ends[1], 1), 0);
	close(pipe_ends[1]);
	ck_assert_int_eq(channel_receive(ends[1], &byte, 1, NULL, 0, 0), 1);
	ck_assert_int_eq(channel_receive(ends[1], &byte, 1, NULL, 0, 0), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(read(pipe_ends[0], &byte, 1), 0);
	close(pipe_ends[0]);
}

TEST(channel, silence_and_the_end_of_the_other_side_are_told_apart)
{
	int none = 7;
	char byte;

	ck_assert_int_eq(channel_receive(ends[1], &byte, 1, &none, 1, 0), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	close(ends[0]);
	ck_assert_int_eq(channel_receive(ends[1], &byte, 1, &none, 1, CHANNEL_FOREVER), 0);
	ck_assert_int_eq(none, -1);
	ck_assert_int_eq(channel_send(ends[1], "x", 1, NULL, 0), -1);
	ck_assert_int_eq(errno, EPIPE);
	ends[0] = -1;
}
